import type { RunFailure } from '../postgres/failure.ts'

/** What well-known extensions bring that scripts name, by the documentation of each. */
const brings: readonly (readonly [names: RegExp, extension: string])[] = [
  [/^(geometry|geography|st_\w+)$/, 'postgis'],
  [/^(vector|halfvec|sparsevec|hnsw|ivfflat)$/, 'vector'],
  [/^(create_hypertable|time_bucket|add_(retention|compression)_policy)$/, 'timescaledb'],
  [/^uuid_(generate_v\w+|ns_\w+)$/, 'uuid-ossp'],
  [/^(crypt|gen_salt|digest|hmac|pgp_\w+)$/, 'pgcrypto'],
  [/^(gin_trgm_ops|gist_trgm_ops|similarity|word_similarity)$/, 'pg_trgm'],
  [/^l(tree|query|txtquery)$/, 'ltree'],
]

/** These have the name of what they bring. */
const namesakes = ['citext', 'cube', 'hstore', 'seg', 'unaccent']

/** PostgreSQL: undefined_object and undefined_function. */
const UNDEFINED = ['42704', '42883']
const named = /\b(?:type|function|access method|operator class) "?(?:[\w$]+\.)?([\w$]+)"?.* does not exist/
const operatorClass = /\bhas no default operator class for access method "(gist|gin)"/

/** The cure, where a script may have failed for an extension that nobody created; `correct`: the cure if it is none. */
export function cureOfExtension({ message, place }: RunFailure, correct: string): string | undefined {
  if (!UNDEFINED.includes(place.sqlstate ?? '')) return undefined
  const method = operatorClass.exec(message)?.[1]
  const name = named.exec(message)?.[1]
  if (method === undefined && name === undefined) return undefined
  const extension = method === undefined ? ownerOf(name ?? '') : `btree_${method}`
  const lacking =
    extension === undefined ? `${correct}; or, if an extension brings it,` : `it comes with the extension ${extension}:`
  return `${lacking} write CREATE EXTENSION into an earlier migration, or create it in template1 of a server that you name with --scratch, or begin with a dump that has it (--from)`
}

const ownerOf = (name: string): string | undefined =>
  namesakes.includes(name) ? name : brings.find(([names]) => names.test(name))?.[1]
