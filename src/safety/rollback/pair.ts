import type { Finding, SafetyCode } from '../../migration/finding.ts'
import { type Effect, labelOf, type Thing } from '../../sql/effects/effect.ts'
import { effectsOf } from '../../sql/effects/effects.ts'
import type { Schema } from '../../sql/schema.ts'
import type { ReadScript, Statement } from '../../sql/statement.ts'
import type { Found } from '../rule.ts'
import type { Changed } from './changes.ts'
import { Delta, type Difference, type Ineffective } from './delta.ts'

/** A migration's two scripts, side by side. */
export interface Pair {
  readonly up: ReadScript
  readonly down: ReadScript
  /** What is known of the schema before the up script. */
  readonly schema: Schema
  /** What repeatable migrations make: they run again after a way down. */
  readonly repeated: readonly Thing[]
  /** What differs from that once the up script ran. */
  readonly after: ReadonlyMap<string, Difference>
  /** What still differs once the down script ran. */
  readonly left: ReadonlyMap<string, Difference>
  /** What is there as before, and is not what it was. */
  readonly changed: readonly Changed[]
  /** Each DROP … IF EXISTS of the down script that finds nothing. */
  readonly ineffective: readonly Ineffective[]
  /** What both do, statement by statement. */
  readonly doing: { readonly up: readonly Doing[]; readonly down: readonly Doing[] }
}

export interface Doing {
  readonly statement: Statement
  readonly effects: readonly Effect[]
}

export function pairOf(up: ReadScript, down: ReadScript, schema: Schema, repeated: readonly Thing[]): Pair {
  const doing = { up: doingOf(up), down: doingOf(down) }
  const delta = new Delta(schema)
  for (const { statement, effects } of doing.up) for (const effect of effects) delta.apply(effect, statement, 'up')
  const after = delta.differences()
  for (const { statement, effects } of doing.down) for (const effect of effects) delta.apply(effect, statement, 'down')
  const { ineffective } = delta
  return { up, down, schema, repeated, after, left: delta.differences(), changed: delta.changes(), ineffective, doing }
}

const doingOf = ({ statements }: ReadScript): Doing[] =>
  statements.map((statement) => ({ statement, effects: effectsOf(statement) }))

/** The differences that are not inside of another one: of a table and its columns, the table. */
export function outermost(differences: Iterable<Difference>): Difference[] {
  const all = [...differences]
  const labels = new Set(all.map((each) => labelOf(each.thing)))
  return all.filter(({ within }) => !within.some((each) => labels.has(labelOf(each))))
}

/** Whether a script has a statement that nobody can read from outside, and that names the thing: `drop_orders()`, too. */
export function mayConcern(doing: readonly Doing[], name: string): boolean {
  const bare = (name.replace(/\(.*$/, '').split('.').at(-1) ?? '').replaceAll('"', '').toLowerCase()
  const opaque = doing.flatMap(({ effects }) => effects.flatMap((each) => (each.act === 'opaque' ? each.text : [])))
  const words = opaque.flatMap((text) => text.toLowerCase().split(/[^\p{L}\p{N}_$]+/u))
  return words.some((word) => `_${word}_`.includes(`_${bare}_`))
}

/** What is wrong with a pair, and where it stands; without a statement it is said of the whole down script. */
export interface PairFound extends Found {
  readonly in: 'up' | 'down'
  readonly statement?: Statement
}

/** What one file of this folder exports, named as the code. */
export interface RollbackRule {
  readonly code: SafetyCode
  readonly severity: Finding['severity']
  readonly finds: string
  readonly why: string
  /** Why it refuses, or only warns. */
  readonly certainty: string
  find(pair: Pair): readonly PairFound[]
  readonly examples: { readonly finds: readonly PairExample[]; readonly passes: readonly PairExample[] }
}

export interface PairExample {
  /** An up script of an earlier migration. */
  readonly earlier?: string
  readonly up: string
  readonly down: string
}
