import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DATABASE_SECRET, INTENT } from '../src/contract.ts'
import { type Keywords, parseDatabaseUrl, TargetProblem } from '../src/postgres/database-target.ts'

/**
 * What a mounted Secret says of the database, in libpq's words. A URI counts as a whole, but for TLS, which operators
 * keep beside it. Throws TargetProblem, which names keys and never a value.
 */
export function secretKeywords(folder: string, env: Readonly<Record<string, string | undefined>>): Keywords {
  const files = readSecret(folder)
  if (files.size === 0) {
    throw new TargetProblem(
      `${folder} holds nothing to connect with: the Secret that the annotation ${INTENT.database} names is missing, or has not the key it names`,
    )
  }
  const first = (keys: readonly string[]) => keys.map((key) => files.get(key)).find((text) => text !== undefined)
  const url = first(DATABASE_SECRET.uri)
  if (url !== undefined) return { ...tlsKeywords(folder, files), ...parseDatabaseUrl(url) }
  const host = first(DATABASE_SECRET.host)
  if (host === undefined && (env.PGHOST ?? '') === '') throw withoutHost([...files.keys()])
  return defined({
    host,
    port: first(DATABASE_SECRET.port),
    ...login(first),
    dbname: first(DATABASE_SECRET.dbname),
    ...tlsKeywords(folder, files),
  })
}

/** The files that have a known key's name and are not empty. */
function readSecret(folder: string): Map<string, string> {
  const files = new Map<string, string>()
  let names: string[]
  try {
    names = readdirSync(folder)
  } catch {
    return files // An optional Secret that does not exist yet leaves no folder; the message says what to do.
  }
  for (const key of Object.values(DATABASE_SECRET).flat()) {
    const text = names.includes(key) ? readFileSync(join(folder, key), 'utf8').trim() : ''
    if (text !== '') files.set(key, text)
  }
  return files
}

/** Bitnami's chart keeps two passwords: `password` of its user, `postgres-password` of postgres. */
function login(first: (keys: readonly string[]) => string | undefined) {
  const user = first(DATABASE_SECRET.user)
  const password = first(DATABASE_SECRET.password)
  const administrator = first(DATABASE_SECRET.postgresPassword)
  const asPostgres = administrator !== undefined && (user ?? 'postgres') === 'postgres'
  if (password === undefined && asPostgres) return { user: 'postgres', password: administrator }
  return { user, password }
}

/** libpq names files. A certificate without its key, or the other way round, is of no use. */
function tlsKeywords(folder: string, files: ReadonlyMap<string, string>): Keywords {
  const path = ([key]: readonly [string]) => (files.has(key) ? join(folder, key) : undefined)
  const [sslcert, sslkey] = [path(DATABASE_SECRET.sslcert), path(DATABASE_SECRET.sslkey)]
  const [sslmode] = DATABASE_SECRET.sslmode
  return defined({
    sslmode: files.get(sslmode),
    sslrootcert: path(DATABASE_SECRET.sslrootcert),
    ...(sslcert !== undefined && sslkey !== undefined && { sslcert, sslkey }),
  })
}

const defined = (found: { readonly [K in keyof Keywords]: string | undefined }): Keywords =>
  Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined))

/** Zalando's operator and Bitnami's chart write who may connect, not where. */
function withoutHost(keys: readonly string[]): TargetProblem {
  const [uri, host] = [DATABASE_SECRET.uri.join(', '), DATABASE_SECRET.host.join(', ')]
  return new TargetProblem(
    `the Secret that ${INTENT.database} names has ${keys.join(', ')}, but no URI (${uri}) and no ${host}: ` +
      `write a URL with the host into env of a container, and set ${INTENT.database}: env/CONTAINER:NAME (docs/database.md)`,
  )
}
