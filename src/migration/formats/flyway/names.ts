import { parseVersion } from '../../version.ts'
import { eventIn, eventLike } from './events.ts'
import { type Misnamed, whyMisnamed } from './misnamed.ts'

/** What a file is, by its name. Names have spaces where the file name has `_`. */
export type Resource =
  | { readonly kind: 'versioned' | 'baseline'; readonly version: string; readonly name: string }
  | { readonly kind: 'undo'; readonly version: string; readonly name: string }
  | { readonly kind: 'repeatable'; readonly name: string }
  | { readonly kind: 'callback'; readonly event: string; readonly name: string }

const kinds = { V: 'versioned', U: 'undo', B: 'baseline', R: 'repeatable' } as const
type Prefix = keyof typeof kinds

/** The last part of a path: Flyway names count without their folders. */
export const baseOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1)

export const isSql = (path: string): boolean => /\.sql$/i.test(path)
export const isConf = (path: string): boolean => /\.sql\.conf$/i.test(path)

/** What Flyway runs beside SQL: Java migrations and scripts. */
const program = /\.(?:java|class|kt|groovy|scala|sh|bash|ps1|bat|cmd|py)$/i
export const isProgram = (path: string): boolean => program.test(path) && parseStem(stemOf(path)) !== undefined

const stemOf = (path: string): string => baseOf(path).replace(/\.[^.]*$/, '')

/**
 * Reads a file name as Flyway does (ResourceNameParser): the suffix in any case; a prefix in exactly its case, the
 * longest that fits; up to the first `__` a version, in which `_` is a dot; and the description, which may be empty. A
 * repeatable one needs its name here, since nothing else tells it from others.
 */
export function parseName(path: string): Resource | Misnamed {
  return parseStem(stemOf(path)) ?? whyMisnamed(stemOf(path), (stem) => parseStem(stem) !== undefined)
}

/** A name without folders and suffix; undefined when it is not well-formed. */
function parseStem(stem: string): Resource | undefined {
  const event = eventIn(stem)
  const prefix = event ?? stem.slice(0, 1)
  const rest = stem.slice(prefix.length)
  const at = rest.indexOf('__')
  const left = at < 0 ? rest : rest.slice(0, at)
  const name = at < 0 ? '' : rest.slice(at + 2).replaceAll('_', ' ')
  if (event !== undefined) return left === '' ? { kind: 'callback', event, name } : undefined
  if (!isPrefix(prefix)) return undefined
  const kind = kinds[prefix]
  if (kind === 'repeatable') return left === '' && name !== '' ? { kind, name } : undefined
  const version = parseVersion(left.replaceAll('_', '.'))
  return version === undefined ? undefined : { kind, version, name }
}

const isPrefix = (text: string): text is Prefix => Object.hasOwn(kinds, text)

/** The version of a versioned migration, whatever the file ends in (`sqlMigrationSuffixes`, Java and script migrations). */
export function versionOf(path: string): string | undefined {
  const resource = parseStem(stemOf(path))
  return resource?.kind === 'versioned' ? resource.version : undefined
}

/** Whether Flyway would run it if its ending were among `sqlMigrationSuffixes`. */
export function isNamedForFlyway(path: string): boolean {
  const resource = parseStem(baseOf(path).replace(/\..*$/, ''))
  return resource !== undefined && resource.kind !== 'callback' && baseOf(path).includes('__')
}

/** Whether only Flyway would name a file so. */
export function isOfFlyway(path: string): boolean {
  if (!isSql(path)) return false
  const resource = parseStem(stemOf(path))
  if (resource === undefined || resource.kind === 'callback') return false
  return resource.kind === 'versioned' || stemOf(path).includes('__')
}

/** Whether a file of this name at the top of the folder is one of Flyway's, or looks as if it were meant to be. */
export const looksLikeFlyway = (path: string): boolean =>
  isSql(path) && (/^[vubr]/i.test(baseOf(path)) || eventIn(eventLike(baseOf(path))) !== undefined)
