import { parseVersion } from './version.ts'

/** More would crowd an object of Kubernetes; the runner then reads the SQL itself. Characters. */
const MAX_LIST = 16_000

/** Not the empty text: the API server drops the value of a variable that is empty, and what is stored is to be what was built. */
const NONE = '-'

/**
 * The own floors of migrations for the runner's environment, as `VERSION=FLOOR` of those that are not `0`, `?` where it
 * is not known. Undefined: nothing is known of them.
 */
export function writeFloors(
  entries: readonly { readonly version: string; readonly floor?: string }[],
): string | undefined {
  if (!entries.some(({ floor }) => floor !== undefined)) return undefined
  const listed = entries.filter(({ floor }) => floor !== '0').map(({ version, floor = '?' }) => `${version}=${floor}`)
  const text = listed.length === 0 ? NONE : listed.join(',')
  return text.length > MAX_LIST ? undefined : text
}

/** The floor of a version, undefined where it is not known. Undefined for a text that `writeFloors` did not write. */
export function readFloors(text: string): ((version: string) => string | undefined) | undefined {
  const listed = new Map<string, string | undefined>()
  for (const pair of text === NONE ? [] : text.split(',')) {
    const [version = '', floor = '', ...more] = pair.split('=')
    const known = floor === '?' ? undefined : parseVersion(floor)
    if (parseVersion(version) === undefined || (known === undefined && floor !== '?') || more.length > 0)
      return undefined
    listed.set(version, known)
  }
  return (version) => (listed.has(version) ? listed.get(version) : '0')
}
