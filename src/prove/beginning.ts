import { checksumOf } from '../migration/checksum.ts'
import type { Migration, MigrationSet } from '../migration/migration.ts'
import { compareVersions, highestVersion, NOTHING } from '../migration/version.ts'
import { RunFailure } from '../postgres/failure.ts'
import type { Session } from '../postgres/session.ts'
import { identifier, literal } from '../postgres/sql.ts'
import { Problem } from '../problem.ts'
import { runAside } from './aside.ts'
import { type Dump, setOfDump } from './dump.ts'
import { extensionsIn, requireExtensions, scriptsOf } from './extensions.ts'
import { inDatabase, type ScratchServer } from './server.ts'
import { World } from './world.ts'

export interface BeginningOptions {
  readonly files: MigrationSet
  readonly dump: Dump | undefined
  /** With a dump: the version that it stands at. */
  readonly since: string | undefined
  readonly signal: AbortSignal
}

/** What every world of a server begins as. */
export interface Base {
  /** Roles that are not to be dropped when a world is made anew. */
  readonly roles: readonly string[]
  open(): Promise<World>
}

/** Makes a server ready: what the scripts need is there, the dump is in, and what callbacks make is made. */
export async function prepareBase(server: ScratchServer, options: BeginningOptions): Promise<Base> {
  const { files, dump, since, signal } = options
  const kind = server.ours ? `the embedded PostgreSQL ${server.major}` : 'the scratch server'
  const texts = [...scriptsOf(files), ...(dump === undefined ? [] : [dump.text])]
  await requireExtensions(server.admin, extensionsIn(texts), kind)
  const base = await templateOf(server, options)
  const roles = await rolesOf(server.admin)
  // What there is (of a dump, of callbacks, of the server's own template) is no sign of a lost history.
  const adoptAt = dump === undefined || since === undefined ? NOTHING : highestUpTo(files, since)
  const open = async () => new World({ server, database: await server.create(base), files, adoptAt, signal })
  return { roles, open }
}

/** A database to copy; undefined: worlds begin empty. */
async function templateOf(
  server: ScratchServer,
  { files, dump, signal }: BeginningOptions,
): Promise<string | undefined> {
  const { callbacks = [], format } = files
  if (dump === undefined && callbacks.length === 0) return undefined
  const base = await server.create()
  if (dump !== undefined) {
    await provideRoles(server, dump)
    await load(server, base, dump, signal)
  }
  if (callbacks.length > 0) await prime(server, base, { format, callbacks }, signal)
  return base
}

/** The highest version that the files still have of those in a dump. */
const highestUpTo = ({ migrations }: MigrationSet, version: string): string =>
  highestVersion(migrations.map((each) => each.version).filter((each) => compareVersions(each, version) <= 0)) ??
  NOTHING

/** Roles of an own server are made; on another they are named, since it belongs to others too. */
async function provideRoles(server: ScratchServer, { path, roles }: Dump): Promise<void> {
  const there = await rolesOf(server.admin, 0)
  const lacking = roles.filter((role) => !there.includes(role) && !role.startsWith('pg_'))
  if (lacking.length === 0) return
  if (!server.ours) {
    throw new Problem(
      `${path} names roles that the scratch server does not have: ${lacking.join(', ')}`,
      `create them there (CREATE ROLE ${identifier(lacking[0] ?? '')};), or dump without them: pg_dump --no-owner --no-privileges`,
    )
  }
  await server.admin.execute(lacking.map((role) => `create role ${identifier(role)}`).join(';'))
}

/** FirstNormalObjectId: what initdb did not make. */
const USERS = 16384

async function rolesOf(session: Session, from = USERS): Promise<string[]> {
  const rows = await session.rows(`select rolname from pg_roles where oid >= ${from} order by 1`)
  return rows.map(({ rolname }) => String(rolname))
}

async function load(server: ScratchServer, base: string, dump: Dump, signal: AbortSignal): Promise<void> {
  const unknown = await inDatabase(server, base, (session) => unknownSettings(session, dump))
  try {
    await runAside(server, base, setOfDump(dump, unknown), signal)
  } catch (error) {
    if (!(error instanceof RunFailure)) throw error
    throw new Problem(
      `the dump cannot be loaded: ${error.message}`,
      `dump from the same major as the scratch server (PostgreSQL ${server.major}), or choose that with --major`,
    )
  }
  // The history of the database that was dumped: the proof keeps its own.
  await inDatabase(server, base, (session) => session.execute('drop schema if exists lockkeeper cascade'))
}

async function unknownSettings(session: Session, { settings }: Dump): Promise<string[]> {
  const names = settings.map(({ name }) => name).filter((name) => /^[a-z_]+$/.test(name) && !SPECIAL.has(name))
  if (names.length === 0) return []
  const rows = await session.rows(
    `select name from unnest(array[${names.map(literal).join(', ')}]::text[]) name where name not in (select s.name from pg_settings s)`,
  )
  return rows.map(({ name }) => String(name))
}

/** SET with a word that is no setting (manual, SET). */
const SPECIAL = new Set(['session', 'role', 'time', 'names', 'schema', 'seed', 'constraints', 'transaction'])

/**
 * Callbacks may make things of their own once (`CREATE TABLE IF NOT EXISTS`), which no down script takes back: they run
 * before the first schema is looked at, around a migration that does nothing. Those that need what migrations make fail
 * here, and run in their turn.
 */
async function prime(
  server: ScratchServer,
  base: string,
  around: Required<Pick<MigrationSet, 'format' | 'callbacks'>>,
  signal: AbortSignal,
): Promise<void> {
  const script = { file: 'nothing', line: 1, text: 'SELECT 1;', checksum: checksumOf('SELECT 1;') }
  const nothing: Migration = {
    kind: 'versioned',
    version: '1',
    name: 'nothing',
    up: script,
    transaction: { up: 'required', down: 'required' },
  }
  try {
    await runAside(server, base, { ...around, migrations: [nothing], findings: [] }, signal)
  } catch (error) {
    if (!(error instanceof RunFailure)) throw error
  }
}

/** Drops a world, and on an own server the roles that its scripts made, so that they can be made again. */
export async function clearWorld(server: ScratchServer, world: World, { roles }: Base): Promise<void> {
  if (server.ours) {
    const session = await world.inspector()
    const made = (await rolesOf(session)).filter((role) => !roles.includes(role)).map(identifier)
    if (made.length > 0) {
      await session.execute(`drop owned by ${made.join(', ')} cascade`)
      await session.execute(`drop role ${made.join(', ')}`)
    }
  }
  await world.drop()
}
