import { NONE, type Thing } from '../../sql/effects/effect.ts'
import type { Statement } from '../../sql/statement.ts'
import type { Entry, Origin, State } from './things.ts'

/** A property of a thing that was there before and is there now, with another value. */
export interface Changed {
  readonly what: string
  readonly of: Thing
  /** The script whose statement it is that should be another one. */
  readonly by: Origin['by']
  readonly statement: Statement
  /** The thing was dropped and created again. */
  readonly again: boolean
}

/** What a thing is now that it was not before the up script. */
export function changesOf({ thing, before, now, origin }: Entry): Changed[] {
  if (typeof before !== 'object' || now === undefined) return []
  const names = new Set([...now.settings.keys(), ...(origin === undefined ? [] : Object.keys(now.properties))])
  return [...names].flatMap((what): Changed[] => {
    const set = now.settings.get(what)
    const last = set ?? origin
    if (last === undefined || !differs(what, before, now)) return []
    return [{ what, of: thing, by: last.by, statement: last.statement, again: set === undefined }]
  })
}

function differs(what: string, { properties: before }: State, { properties, settings }: State): boolean {
  const [was, is, set] = [before[what], properties[what], settings.get(what)]
  // Rows that were seen to satisfy a constraint go on doing so.
  if (what === 'validity' && is !== 'no') return false
  if (was !== undefined && is !== undefined) return was !== is
  // What the down script sets that the files do not tell is taken for what was there.
  if (set?.by !== 'up') return false
  // A default that one script sets and drops was a means.
  return !(what === 'default' && is === NONE && set.count > 1)
}
