import { DEFAULTS } from '../contract.ts'
import type { Migration, MigrationSet } from '../migration/migration.ts'
import type { RunRequest } from '../migration/run-request.ts'
import { compareVersions, NOTHING } from '../migration/version.ts'
import { RunFailure, stateOf } from '../postgres/failure.ts'
import type { Session } from '../postgres/session.ts'
import { identifier, literal } from '../postgres/sql.ts'
import { historyDdl } from './ddl.ts'
import { type ServerFacts, serverFacts } from './facts.ts'
import { subscribers } from './subscribers.ts'
import { beginSet, insertMigration, type Journal, journalRow } from './write.ts'

/**
 * Makes the tables, in one transaction, under the lock of the set. False: a run of another set, which has a lock of its
 * own, made them in the same moment.
 */
export async function createHistory(session: Session, request: RunRequest, facts: ServerFacts): Promise<boolean> {
  const { historySchema: schema, readers } = request
  const followers = await subscribers(session)
  if (followers !== undefined) throw unpublished(followers, schema)
  const owner = await ownerOf(session, schema, request.role ?? session.startRole)
  try {
    await session.execute(
      `begin; ${historyDdl({ schema, schemaExists: facts.history === 'schema-only', owner, readers })} commit`,
    )
    return true
  } catch (error) {
    await session.execute('rollback')
    if ((await serverFacts(session, schema)).history !== facts.history) return false
    if (stateOf(error) === '42501') {
      throw new RunFailure(
        'no-rights',
        `${facts.login} may not create the schema ${schema} in ${facts.database}`,
        `GRANT CREATE ON DATABASE ${identifier(facts.database)} TO ${identifier(facts.login)}; or create it by hand: lockkeeper history-ddl`,
        { sqlstate: '42501' },
      )
    }
    throw error
  }
}

/** Schemas that others write to, or that the server keeps for itself. */
const SHARED = /^(public|information_schema|pg_.*)$/

/** Refuses to begin a history there: stored scripts would never be trusted. */
export function refuseSharedSchema(schema: string): void {
  if (!SHARED.test(schema)) return
  throw new RunFailure(
    'bad-config',
    `the history cannot be kept in schema ${schema}, which others may write to: stored scripts there would never run`,
    `name a schema for the history alone, as --history-schema ${DEFAULTS.historySchema} (annotation config.lockkeeper.dev/history-schema)`,
  )
}

/**
 * Who is to own the tables, undefined: the login. A configured role whose rights the login inherits, so that another
 * login of that role finds a history of its own; or whoever made the schema for it.
 */
async function ownerOf(session: Session, schema: string, role: string | undefined): Promise<string | undefined> {
  if (role === undefined) return undefined
  const [row] = await session.rows(`
    select r.rolname::text as owner from pg_roles r
    where r.rolname = ${literal(role)} and r.rolname <> session_user and pg_has_role(session_user, r.oid, 'USAGE')
      and not exists (select from pg_namespace where nspname = ${literal(schema)} and nspowner <> r.oid)`)
  return row === undefined ? undefined : String(row.owner)
}

/**
 * A subscriber of a publication FOR ALL TABLES stops at the first row of a table that it does not have (PostgreSQL
 * manual, Logical Replication, Subscription), so whoever replicates makes the tables by hand, there first.
 */
const unpublished = (followers: string, schema: string) =>
  new RunFailure(
    'history-missing',
    `${followers} would stop at new tables of ours, which it does not have`,
    `create them by hand, first on the subscriber and then here: lockkeeper history-ddl${schema === DEFAULTS.historySchema ? '' : ` --history-schema ${schema}`}`,
  )

/** Begins the history of a set; with `adoptAt` the versions up to it are taken as applied. */
export async function beginHistory(
  session: Session,
  request: RunRequest,
  journal: Journal,
  files: MigrationSet | undefined,
): Promise<readonly string[]> {
  const adopted = request.adoptAt === undefined ? [] : adoptedAt(files?.migrations ?? [], request.adoptAt)
  const format = files?.format ?? 'golang-migrate'
  const statements = adopted.flatMap((migration) => [
    insertMigration(request, journal, format, migration, 'adopted'),
    journalRow(request, journal, { event: 'adopted', version: migration.version }),
  ])
  await session.execute(['begin', beginSet(request), ...statements, 'commit'].join(';\n'))
  return adopted.map(({ version }) => version)
}

function adoptedAt(migrations: readonly Migration[], at: string): Migration[] {
  const versioned = migrations.filter(({ kind }) => kind === 'versioned')
  if (at !== '0' && at !== NOTHING && !versioned.some(({ version }) => version === at)) {
    throw new RunFailure(
      'target-unknown',
      `version ${at} is to be adopted, but the files do not have it`,
      'name a version that the files hold, or 0 to begin with nothing applied',
    )
  }
  return versioned.filter(({ version }) => compareVersions(version, at) <= 0)
}
