import { readConfig } from '../../sidecar/config.ts'
import { run } from '../../src/engine/run.ts'
import type { MigrationSet } from '../../src/migration/migration.ts'
import { readMigrations } from '../../src/migration/read.ts'
import { type Direction, startFaultProxy } from './fault-proxy.ts'
import type { TestDatabase } from './postgres.ts'
import { type Files, runWithFault } from './runner.ts'

/** How a version is made: its one object is named by it. */
export const kinds = ['table', 'index', 'alone'] as const
export type Kind = (typeof kinds)[number]

const texts: Readonly<Record<Kind, (n: number) => readonly [up: string, down: string]>> = {
  table: (n) => [`CREATE TABLE t${n} ();\n`, `DROP TABLE t${n};\n`],
  index: (n) => [`CREATE INDEX CONCURRENTLY i${n} ON base (id);\n`, `DROP INDEX CONCURRENTLY i${n};\n`],
  alone: (n) => {
    const first = '-- lockkeeper: no-transaction\n'
    return [`${first}CREATE TABLE t${n} ();\n`, `${first}DROP TABLE t${n};\n`]
  },
}

/** What the indexes are of; it is there before the first version. */
export const base = 'create table base (id int); insert into base select generate_series(1, 100)'

/** The files of a release of so many versions. */
export const filesOf = (set: readonly Kind[], upTo: number): Files =>
  Object.fromEntries(
    set.slice(0, upTo).flatMap((kind, i) => {
      const [up, down] = texts[kind](i + 1)
      return [
        [`${i + 1}_x.up.sql`, up],
        [`${i + 1}_x.down.sql`, down],
      ]
    }),
  )

/** What the history and the catalog say, by version. */
export interface Standing {
  readonly applied: readonly number[]
  /** Begun statement by statement, and neither finished nor known to have left nothing, says the history. */
  readonly unfinished: readonly number[]
  /** Their table or valid index is there. */
  readonly whole: readonly number[]
  /** Their index is there, and not valid. */
  readonly torn: readonly number[]
}

export async function standingOf({ sql }: TestDatabase): Promise<Standing> {
  const [there] = await sql<{ yes: boolean }>(`select to_regclass('lockkeeper.migration') is not null as yes`)
  const history = there?.yes
    ? `(select json_agg(version::int order by version::int) from lockkeeper.migration) as applied,
       (select json_agg(distinct version::int) from lockkeeper.journal j where event = 'begun' and not exists (
         select from lockkeeper.journal f where f.attempt = j.attempt and f.event in ('applied', 'reverted', 'resolved')) and (
         select bool_or(event = 'done') or count(*) filter (where event = 'started') > count(*) filter (where event in ('failed', 'retried'))
         from lockkeeper.journal s where s.attempt = j.attempt)) as unfinished`
    : 'null as applied, null as unfinished'
  const [row] = await sql<Record<keyof Standing, number[] | null>>(`
    with made as (
      select substr(c.relname, 2)::int as version, coalesce(i.indisvalid, true) as whole
      from pg_class c left join pg_index i on i.indexrelid = c.oid
      where c.relnamespace = 'public'::regnamespace and c.relname ~ '^[it][0-9]+$')
    select ${history}, (select json_agg(version order by version) from made where whole) as whole,
      (select json_agg(version order by version) from made where not whole) as torn`)
  const { applied, unfinished, whole, torn } = row ?? {}
  return { applied: applied ?? [], unfinished: unfinished ?? [], whole: whole ?? [], torn: torn ?? [] }
}

/** All of the history and of the schema, to see whether something changes. */
export async function everythingIn({ sql }: TestDatabase): Promise<unknown> {
  const tables = await sql<{ name: string }>(
    `select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname = 'lockkeeper' order by 1`,
  )
  const rows = tables.map(({ name }) => sql(`select t, xmin::text from ${name} t order by 1`))
  return Promise.all([
    sql(
      `select oid, relname, relkind from pg_class where relnamespace::regnamespace::text in ('public', 'lockkeeper') order by 1`,
    ),
    ...rows,
  ])
}

/** What befalls a run. `dead`: the connection is cut there, and the process with it; `cut`: the run goes on by itself. */
export type Blow =
  | { readonly kind: 'cut' | 'dead'; readonly direction: Direction; readonly before: number }
  | { readonly kind: 'kill'; readonly ms: number }

export interface Move {
  readonly set: readonly Kind[]
  readonly target: number
  readonly token: number
  readonly blow: Blow | undefined
}

export interface Moved {
  /** Whether the blow came before the run was over. */
  readonly struck: boolean
  /** What a run in this process ended with: a RunFailure, or the AbortError of one that died; undefined: it is through. */
  readonly failure: unknown
}

/** A rollout to a version, up or down. */
export async function moveTo(database: TestDatabase, { set, target, token, blow }: Move): Promise<Moved> {
  const env = { LOCKKEEPER_ON_ROLLBACK: 'always', LOCKKEEPER_ADOPT_AT: '0' }
  const files = filesOf(set, target)
  if (blow?.kind === 'kill') {
    const options = { target: String(target), files, token, env }
    const { struck } = await runWithFault(database, options, blow)
    return { struck, failure: undefined }
  }
  const death = new AbortController()
  // It comes back: that is where it is dead.
  const connected = () => {
    if (blow?.kind === 'dead' && proxy.struck) death.abort()
  }
  const fault = blow && { ...blow, kind: 'cut' as const, ms: 0 }
  const proxy = await startFaultProxy(database.server.port, { fault, connected })
  const { request, database: where } = readConfig({
    ...env,
    LOCKKEEPER_TARGET: String(target),
    LOCKKEEPER_DIGEST: '-',
    LOCKKEEPER_TOKEN: String(token),
    LOCKKEEPER_CLUSTER: 'cluster-a',
    LOCKKEEPER_WORKLOAD: 'shop/Deployment/orders',
    LOCKKEEPER_DATABASE_URL: `postgresql://postgres@127.0.0.1:${proxy.port}/${database.name}`,
    LOCKKEEPER_DEADLINE: '20s',
    LOCKKEEPER_HOLD_GRACE: '0s',
  })
  const mounted = async () => (target === 0 ? undefined : setOf(files))
  const context = { request, database: where, who: 'test', files: mounted, emit: () => undefined, signal: death.signal }
  const failure = await run(context).then(
    () => undefined,
    (error: unknown) => error,
  )
  await proxy.close()
  return { struck: proxy.struck, failure }
}

export const setOf = (files: Files): MigrationSet =>
  readMigrations(Object.entries(files).map(([name, content]) => ({ name, content })))
