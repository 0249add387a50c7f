import type { Node } from 'libpg-query'
import type { Action } from '../../sql/actions.ts'
import { type Effect, type Thing, thing } from '../../sql/effects/effect.ts'
import type { Schema } from '../../sql/schema.ts'
import type { Statement } from '../../sql/statement.ts'

/** A statement, or one action of an ALTER TABLE, for which one row of the table has to answer. */
export interface Piece {
  readonly statement: Statement
  readonly node: Node
  readonly action: Action | undefined
  readonly effects: readonly Effect[]
  /** As the statements before leave it. */
  readonly schema: Schema
  /** Names the script: what it made before is new, and no code knows it. */
  readonly scope: string
}

/** One row of the table of what code that was written for the schema before goes on working with. */
export interface Row {
  readonly what: string
  /** `works`: such code is known to work afterwards. `breaks`: there is such code that fails. */
  readonly verdict: 'works' | 'breaks'
  readonly reason: string
  /** The page of PostgreSQL's manual that says so. */
  readonly source: string
  matches(piece: Piece): boolean
  /** Scripts whose last statement this row answers for. They are tests, and the documentation shows the first. */
  readonly examples: readonly string[]
}

export const isNew = ({ schema, scope }: Piece, it: Thing): boolean => schema.find(it)?.scope === scope
export const isNewTable = (piece: Piece, name: string): boolean =>
  isNew(piece, thing('table', name)) || isNew(piece, thing('materialized view', name))

export const makes = ({ effects }: Piece, kind: string) =>
  effects.filter((each) => each.act === 'make').find((each) => each.thing.kind === kind)
