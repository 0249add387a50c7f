import { LIMITS } from '../limits.ts'
import { type Finding, refusal } from './finding.ts'

const bounds = {
  files: ['migration files', 'squash the oldest migrations into one'],
  versions: ['versions', 'squash the oldest migrations into one'],
  unversioned: ['repeatable migrations, callbacks and baselines', 'put several into one file'],
} as const

/** `too-many-…`: the bound, what was found, and how to stay below it. */
export function tooMany(what: keyof typeof bounds, found: number): Finding {
  const [name, fix] = bounds[what]
  return refusal(`too-many-${what}`, `there are ${found} ${name}, and a set may have ${LIMITS[what].value}`, fix)
}
