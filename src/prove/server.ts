import { randomBytes } from 'node:crypto'
import { connect, withSession } from '../postgres/connect.ts'
import { type DatabaseTarget, databaseTarget, parseDatabaseUrl, TargetProblem } from '../postgres/database-target.ts'
import { Interruption, stateOf } from '../postgres/failure.ts'
import type { Session } from '../postgres/session.ts'
import { identifier } from '../postgres/sql.ts'
import { Problem } from '../problem.ts'
import { binariesOf, withPostgres } from './embedded-postgres.ts'

/** A PostgreSQL server on which databases may be made and dropped. */
export interface ScratchServer {
  readonly major: number
  /** Nobody else uses it, so that roles may be dropped again. */
  readonly ours: boolean
  /** A session on none of the databases that are made, for what belongs to the whole server. */
  readonly admin: Session
  target(database: string): DatabaseTarget
  /** Makes a database with a name of its own, or a copy of one that nobody is connected to. Resolves to its name. */
  create(template?: string): Promise<string>
  drop(database: string): Promise<void>
}

export interface ServerOptions {
  /** URL of a server; undefined: an embedded one. */
  readonly scratch: string | undefined
  /** Major of the embedded one. */
  readonly major: number
  /** Names of schemas, which its databases get as their search_path; undefined: that of the server. */
  readonly searchPath?: readonly string[] | undefined
}

const WHO = 'prove'
/** Nothing on the server need outlive it; the queries on its catalogs are too short for JIT. */
const SETTINGS = [
  'synchronous_commit = off',
  'full_page_writes = off',
  'autovacuum = off',
  'jit = off',
  'wal_level = logical',
]

/** Runs a callback with a server; the databases that it made are gone afterwards. */
export async function withScratchServer<T>(
  { scratch, major, searchPath }: ServerOptions,
  use: (server: ScratchServer) => Promise<T>,
): Promise<T> {
  if (scratch !== undefined) return withServerAt(targetAt(scratch, process.env), { ours: false, searchPath }, use)
  await binariesOf(major).catch((error: unknown) => {
    throw new Problem(
      error instanceof Error ? error.message : String(error),
      'name a server with --scratch URL, or another --major',
    )
  })
  return withPostgres({ major, settings: SETTINGS }, ({ url }) =>
    withServerAt(targetAt(`${url}/postgres`, {}), { ours: true, searchPath }, use),
  )
}

/** Of a server that somebody named. */
export const majorOfServer = (url: string): Promise<number> =>
  withServerAt(targetAt(url, process.env), { ours: false }, async ({ major }) => major)

function targetAt(url: string, env: Readonly<Record<string, string | undefined>>): DatabaseTarget {
  try {
    return databaseTarget(parseDatabaseUrl(url), env)
  } catch (error) {
    if (!(error instanceof TargetProblem)) throw error
    throw new Problem(error.message, error.fix ?? 'write --scratch postgresql://user:password@host:5432/postgres')
  }
}

async function withServerAt<T>(
  at: DatabaseTarget,
  { ours, searchPath }: Pick<ScratchServer, 'ours'> & Pick<ServerOptions, 'searchPath'>,
  use: (server: ScratchServer) => Promise<T>,
): Promise<T> {
  const admin = await connect(at, WHO).catch((error: unknown) => {
    throw error instanceof Interruption ? error.lasting : error
  })
  const databases = new Set<string>()
  const drop = async (name: string) => {
    await admin.execute(`drop database if exists ${identifier(name)} with (force)`)
    databases.delete(name)
  }
  try {
    return await use({
      major: await majorOf(admin),
      ours,
      admin,
      target: (database) => ({ ...at, database }),
      create: async (template) => {
        const name = await create(admin, databases, template)
        // A copy does not get the settings of its template.
        if (searchPath !== undefined)
          await admin.execute(
            `alter database ${identifier(name)} set search_path to ${searchPath.map(identifier).join(', ')}`,
          )
        return name
      },
      drop,
    })
  } finally {
    // Those of a server of our own go with it.
    for (const name of ours ? [] : [...databases]) await drop(name)
    await admin.end()
  }
}

async function create(admin: Session, databases: Set<string>, template: string | undefined): Promise<string> {
  const name = `lockkeeper_prove_${randomBytes(6).toString('hex')}`
  const from = template === undefined ? '' : ` template ${identifier(template)}`
  try {
    await admin.execute(`create database ${identifier(name)}${from}`)
  } catch (error) {
    if (stateOf(error) !== '42501') throw error
    throw new Problem(
      'the user of --scratch may not create databases',
      'name a user that may: ALTER ROLE … CREATEDB; or leave --scratch out to use an embedded server',
    )
  }
  databases.add(name)
  return name
}

const OLDEST = 14

async function majorOf(admin: Session): Promise<number> {
  const [row] = await admin.rows(`select current_setting('server_version_num')::int / 10000 as major`)
  const major = Number(row?.major)
  if (major < OLDEST) throw new Problem(`the scratch server is PostgreSQL ${major}`, `use ${OLDEST} or later`)
  return major
}

/** Opens a session for a callback. */
export const inDatabase = <T>(
  server: ScratchServer,
  database: string,
  use: (session: Session) => Promise<T>,
): Promise<T> => withSession(server.target(database), WHO, use)
