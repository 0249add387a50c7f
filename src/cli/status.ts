import { DEFAULTS } from '../contract.ts'
import { serverFacts } from '../history/facts.ts'
import { nothingSeen, readHistory, type Seen } from '../history/read.ts'
import { type Writers, writersOf } from '../history/trust.ts'
import { floorOf } from '../migration/decide.ts'
import type { MigrationSet } from '../migration/migration.ts'
import { sanitize } from '../migration/sanitize.ts'
import { highestVersion } from '../migration/version.ts'
import { describeHolder, type Holder, lockHolder } from '../postgres/lock.ts'
import { type DatabaseOptions, withDatabase } from './database.ts'
import { type Output, table } from './output.ts'

export interface Live {
  readonly seen: Seen
  readonly holder: Holder | undefined
  /** Set where the history belongs to an owner role, and not to the login. */
  readonly writers: Writers | undefined
}

/** What the database says, from one short session; it changes nothing. */
export function lookAt(options: DatabaseOptions): Promise<Live> {
  const { historySchema = DEFAULTS.historySchema, set = DEFAULTS.set } = options
  return withDatabase(options, async (session) => {
    const facts = await serverFacts(session, historySchema)
    const seen = facts.history === 'complete' ? await readHistory(session, historySchema, set) : nothingSeen
    const [holder, writers] = await Promise.all([lockHolder(session, set), writersOf(session, historySchema)])
    return { seen, holder, writers }
  })
}

/** `status`: live, pending, changed, missing; who holds the lock; what each workload asks for. */
export async function status(output: Output, options: DatabaseOptions, files: MigrationSet): Promise<number> {
  const { seen, holder, writers } = await lookAt(options)
  const versioned = files.migrations.filter(({ kind }) => kind === 'versioned')
  const applied = seen.applied.map(({ version, name, appliedAt, durationMs, origin, downChecksum }) => ({
    version,
    name,
    appliedAt,
    durationMs,
    origin,
    down: downChecksum === null ? 'none' : 'stored',
  }))
  const isApplied = (version: string) => applied.some((each) => each.version === version)
  const floor = floorOf(seen.applied)
  const document = {
    live: highestVersion(applied.map(({ version }) => version)) ?? null,
    target: highestVersion(versioned.map(({ version }) => version)) ?? null,
    floor,
    applied,
    pending: versioned.filter(({ version }) => !isApplied(version)).map(({ version, name }) => ({ version, name })),
    changed: seen.applied
      .filter(({ version, upChecksum }) =>
        versioned.some((file) => file.version === version && file.up.checksum !== upChecksum),
      )
      .map(({ version, name }) => ({ version, name })),
    missing: seen.applied
      .filter(({ version }) => !versioned.some((file) => file.version === version))
      .map(({ version, name }) => ({ version, name })),
    repeatables: files.migrations
      .filter(({ kind }) => kind === 'repeatable')
      .map(({ name, up }) => ({ name, current: seen.repeatables.get(name) === up.checksum })),
    unfinished: seen.unfinished.map(({ version, direction, statements }) => ({
      version,
      direction,
      done: [...statements.values()].filter(({ state }) => state === 'done').length,
      inDoubt: [...statements.values()].some(({ state }) => state === 'started'),
    })),
    lock: holder ?? null,
    writers: writers ?? null,
    requirements: seen.requirements
      .filter(({ left }) => !left)
      .map(({ cluster, workload, target, reached, lastSeen }) => ({
        cluster,
        workload,
        target,
        reached,
        lastSeen,
      })),
  }
  output.document(document)
  output.print(`live     ${document.live ?? 'nothing'}`)
  output.print(`target   ${document.target ?? 'nothing'}`)
  output.print(
    `floor    ${floor === '0' ? 'any code is known to work on the schema' : `only code from ${floor} on is known to work on the schema`}`,
  )
  const rows = [
    ...applied.map(({ version, name, appliedAt, down }) => [
      'applied',
      version,
      name,
      appliedAt,
      down === 'stored' ? 'down script stored' : 'no down script',
    ]),
    ...document.pending.map(({ version, name }) => ['pending', version, name, '', '']),
    ...document.changed.map(({ version, name }) => [
      'changed',
      version,
      name,
      '',
      'the file is not the applied script',
    ]),
    ...document.missing.map(({ version, name }) => [
      'missing',
      version,
      name,
      '',
      'no file; the database has the scripts',
    ]),
    ...document.repeatables.map(({ name, current }) => [
      current ? 'applied' : 'pending',
      'R',
      name,
      '',
      current ? 'repeatable' : 'repeatable, new or changed',
    ]),
  ]
  for (const line of table(rows)) output.print(line)
  for (const { version, direction, done, inDoubt } of document.unfinished) {
    const cure = inDoubt ? `; a statement is in doubt: lockkeeper resolve ${version}` : '; the next run goes on'
    output.print(`begun    ${direction} ${version}, ${done} statements done${cure}`)
  }
  if (holder !== undefined) output.print(`lock     ${sanitize(describeHolder(holder))}`)
  if (writers !== undefined) {
    output.print(
      `owner    ${writers.owner} owns the history, and its members may write it: ${writers.members.join(', ') || 'none'}`,
    )
  }
  for (const { workload, target, reached, lastSeen } of document.requirements) {
    output.print(
      `workload ${sanitize(workload)} asks for ${target}, reached ${reached ?? 'nothing'}, last seen ${lastSeen}`,
    )
  }
  return 0
}
