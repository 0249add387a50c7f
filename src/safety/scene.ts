import { type Effect, labelOf, type Thing, thing } from '../sql/effects/effect.ts'
import { effectsOf } from '../sql/effects/effects.ts'
import type { Schema } from '../sql/schema.ts'
import type { Statement } from '../sql/statement.ts'

/** What surrounds a statement that a rule looks at. */
export interface Scene {
  /** Major version of the server that it will run on. */
  readonly server: number
  readonly direction: 'up' | 'down'
  /** As the statements before this one leave it. */
  readonly schema: Schema
  /** Names the statements that run before any application sees what they make. */
  readonly scope: string
  /** The statements of this scope and direction, this one among them. */
  readonly beside: readonly Statement[]
  /** Those that ran before this one in the same transaction, but for those that only bring rows. */
  readonly before: readonly Statement[]
}

/** Made by a statement before, and seen by nobody yet: it has no rows and no clients. */
export const isNew = ({ schema, scope }: Scene, it: Thing): boolean => schema.find(it)?.scope === scope

/** Whether a statement beside this one drops it. */
function isGoing({ beside }: Scene, it: Thing): boolean {
  const going = dropped.get(beside) ?? new Set(beside.flatMap((each) => effectsOf(each).flatMap(dropOf)))
  dropped.set(beside, going)
  return going.has(labelOf(it))
}

/** Asked for each statement of a script, and the same for all of them. */
const dropped = new WeakMap<readonly Statement[], ReadonlySet<string>>()
const dropOf = (effect: Effect): string[] => (effect.act === 'drop' ? [labelOf(effect.thing)] : [])

/** A table that clients may be using now and afterwards, so that a lock on it, or a lost row, matters. */
export function isInUse(scene: Scene, relation: string): boolean {
  const kinds = ['table', 'materialized view']
  return !kinds.some((kind) => isNew(scene, thing(kind, relation)) || isGoing(scene, thing(kind, relation)))
}
