import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { TestDatabase } from './postgres.ts'
import type { Course, Fault, Files } from './runner.ts'

/** One step of the set, by its number. */
type StepText = (n: number) => {
  readonly up: string
  readonly down: string
  /** Stands in the place of `up` until the file is corrected. */
  readonly wrong?: string
}

const begins: StepText = () => ({
  up: 'CREATE TABLE log (id bigint GENERATED ALWAYS AS IDENTITY, step text);\nCREATE TABLE sum AS SELECT 1::bigint AS sum;\n',
  down: 'DROP TABLE log, sum;\n',
})
const makesTable: StepText = (n) => ({
  up: `CREATE TABLE t${n} (id int PRIMARY KEY, note text);\nINSERT INTO t${n} VALUES (${n}, 'x');\n`,
  down: `DROP TABLE t${n};\n`,
})
/** Twice, not at all, out of order: each gives another sum. */
const adds: StepText = (n) => ({
  up: `UPDATE sum SET sum = sum * 2 + ${n};\n`,
  down: `UPDATE sum SET sum = (sum - ${n}) / 2;\n`,
})
const slowly =
  (ms: number, step: StepText): StepText =>
  (n) => ({
    up: `${step(n).up}SELECT pg_sleep(${ms / 1000});\n`,
    down: `SELECT pg_sleep(${ms / 1000});\n${step(n).down}`,
  })
/** Outside a transaction. */
const indexes: StepText = (n) => ({
  up: `CREATE INDEX CONCURRENTLY i${n} ON t2 (note);\n`,
  down: `DROP INDEX CONCURRENTLY i${n};\n`,
})
const wrongAtFirst: StepText = (n) => ({ ...adds(n), wrong: `${adds(n).up}SELECT 1 / 0;\n` })

/**
 * THE SET, in version order. A kind of step that is to be crashed as well is added here and nowhere else: tables,
 * columns, rows and indexes (with their validity) of schema public are compared anyway.
 */
const set: readonly StepText[] = [
  begins,
  ...[makesTable, adds, indexes, adds, slowly(20, makesTable), makesTable, adds, makesTable],
  ...[slowly(10, adds), makesTable, makesTable, adds, makesTable, wrongAtFirst, adds, makesTable],
  ...[slowly(30, makesTable), adds, indexes, adds, makesTable, indexes, adds],
]

export type Way = 'up' | 'down'

/** Up to the highest version, and down again to the first, whose table has the log. */
export const targets: Readonly<Record<Way, number>> = { up: set.length, down: 1 }

/** The files of a release. Each script also says in the log that it ran. */
export function filesUpTo(version: number, wrong = false): Files {
  const files = set.slice(0, version).flatMap((step, i) => {
    const n = i + 1
    const { up, down, wrong: other } = step(n)
    const ran = (way: Way) => `INSERT INTO log (step) VALUES ('${way} ${n}');\n`
    return [
      [`${n}_step.up.sql`, ((wrong ? other : undefined) ?? up) + ran('up')],
      [`${n}_step.down.sql`, ran('down') + down],
    ]
  })
  return Object.fromEntries(files)
}

/**
 * Everything that must be the same as after a run without faults. The epoch need not be: a step that runs statement by
 * statement raises it each time it is begun.
 */
export async function stateOf({ sql }: TestDatabase): Promise<object> {
  const [there] = await sql<{ yes: boolean }>(`select to_regclass('public.log') is not null as yes`)
  if (there?.yes !== true) return { ran: [] }
  const [row] = await sql(`select json_build_object(
    'ran', (select json_agg(step order by id) from log),
    'sum', (select json_agg(sum) from sum),
    'tables', (select json_agg(format('%I.%I', schemaname, tablename) order by schemaname, tablename)
      from pg_tables where schemaname in ('public', 'lockkeeper')),
    'columns', (select json_agg(format('%I.%I %s', table_name, column_name, data_type) order by table_name, ordinal_position)
      from information_schema.columns where table_schema = 'public'),
    'indexes', (select json_agg(format('%s %s', pg_get_indexdef(indexrelid), indisvalid) order by indexrelid::regclass::text)
      from pg_index join pg_class c on c.oid = indrelid where relnamespace = 'public'::regnamespace),
    'applied', (select json_agg(json_build_array(version, name, format, up_file, up_checksum, md5(up_script), down_file, down_checksum,
      md5(down_script), transactional, floor, origin) order by version::int) from lockkeeper.migration),
    'journal', (select json_agg(event || ' ' || version order by at) from lockkeeper.journal where event in ('applied', 'reverted')),
    'state', (select json_agg(to_jsonb(s) - 'epoch') from lockkeeper.state s),
    'required', (select json_agg(json_build_array(workload, target, reached, stamp = epoch)) from lockkeeper.requirement
      join lockkeeper.state using ("set"))) as state`)
  const tables = await sql<{ name: string }>(
    `select tablename as name from pg_tables where tablename ~ '^t[0-9]+$' order by 1`,
  )
  const rows = tables.map(({ name }) => `select '${name}' as name, json_agg(r)::text as rows from ${name} r`)
  return { ...(row?.state as object), rows: rows.length === 0 ? [] : await sql(rows.join(' union all ')) }
}

/** Sessions of runners, and advisory locks, that are still there after a second. */
export async function leftovers({ sql }: TestDatabase): Promise<unknown[]> {
  for (let tries = 0; ; tries++) {
    const rows =
      await sql(`select application_name, locktype from pg_stat_activity a left join pg_locks l on l.pid = a.pid and locktype = 'advisory'
      where a.datname = current_database() and (application_name like 'lockkeeper%' or locktype is not null)`)
    if (rows.length === 0 || tries === 20) return rows
    await sleep(50)
  }
}

/** As often as it stands here. */
const kinds: readonly Fault['kind'][] = [
  ...(['cut', 'cut', 'cut', 'half-close', 'half-close', 'delay'] as const),
  ...(['kill', 'kill', 'kill', 'restart', 'restart'] as const),
]

/** A fault at a random moment, or message, of a run of this course. */
export function drawFault(next: () => number, { ms, seen }: Course): Fault {
  const below = (end: number) => Math.floor(next() * end)
  const kind = kinds[below(kinds.length)] ?? 'cut'
  if (kind === 'kill' || kind === 'restart') return { kind, ms: below(ms) }
  const direction = next() < 0.5 ? 'toServer' : 'toClient'
  return { kind, direction, before: 1 + below(seen[direction]), ms: 5 + below(55) }
}

/** Numbers from 0 to 1: the same for the same seed, and unlike those of the seed next to it. */
export function random(seed: number): () => number {
  let n = 0
  return () => createHash('sha256').update(`${seed}/${n++}`).digest().readUInt32BE() / 2 ** 32
}
