import type { RunEvent } from '../engine/event.ts'
import { run } from '../engine/run.ts'
import type { MigrationSet } from '../migration/migration.ts'
import { compareVersions, highestVersion, NOTHING, shownVersion } from '../migration/version.ts'
import { exitOf, RunFailure } from '../postgres/failure.ts'
import { type DatabaseOptions, person, requestOf, targetOf } from './database.ts'
import { describeFailure, type Output, table } from './output.ts'
import { lookAt } from './status.ts'

/** `adopt --at V`: the versions of the files up to V count as applied, in a database that has no history. */
export async function adoptAt(
  output: Output,
  options: DatabaseOptions,
  at: string,
  files: MigrationSet,
): Promise<number> {
  const { seen } = await lookAt(options)
  const live = highestVersion(seen.applied.map(({ version }) => version)) ?? null
  if (seen.epoch !== undefined) {
    output.document({ from: live, to: live, steps: [], result: 'nothing', adopted: [], findings: [] })
    output.print(`nothing to do: this database has a history already, at ${shownVersion(live)}`)
    return 0
  }
  const adopted: string[] = []
  const emit = ({ event, message, version }: RunEvent) => {
    if (event === 'applied' && message === 'adopted' && version !== undefined) adopted.push(version)
    if (event === 'waiting') output.say(`waiting: ${message ?? ''}`)
  }
  const request = { ...requestOf(options, NOTHING), adoptAt: at }
  try {
    await run({ request, database: targetOf(options), who: person(), files: async () => files, emit })
  } catch (error) {
    if (!(error instanceof RunFailure)) throw error
    return refused(output, error)
  }
  say(output, at, files, adopted)
  return 0
}

function say(output: Output, at: string, { migrations }: MigrationSet, adopted: readonly string[]): void {
  const versioned = migrations.filter(({ kind }) => kind === 'versioned')
  const rows = versioned.filter(({ version }) => adopted.includes(version))
  const pending = versioned.filter(({ version }) => compareVersions(version, at) > 0)
  const to = highestVersion(adopted) ?? null
  output.document({
    from: null,
    to,
    steps: [],
    result: 'done',
    adopted: rows.map(({ version, name, down }) => ({ version, name, down: down === undefined ? 'none' : 'stored' })),
    findings: [],
  })
  const shown = rows.map(({ version, name, down }) => [
    version,
    name,
    down === undefined ? 'no down script' : 'with its down script',
  ])
  for (const line of table(shown)) output.print(`  ${line}`)
  const many = (n: number) => `${n} ${n === 1 ? 'migration' : 'migrations'}`
  output.print(`${many(rows.length)} taken as applied without being run; the schema is at ${shownVersion(to)}`)
  if (at === '0' && adopted.includes('0')) {
    output.print('--at 0 takes version 0 as applied, and nothing above it; where not even that is applied: --at none')
  }
  if (pending.length > 0) output.print(`${many(pending.length)} pending: lockkeeper up`)
}

function refused(output: Output, failure: RunFailure): number {
  const { code, message, fix, place } = failure
  const exit = exitOf(code)
  const finding = { code, severity: 'error', ...place, message, fix }
  const result = exit === 12 ? 'refused' : 'failed'
  output.document({ from: null, to: null, steps: [], result, adopted: [], findings: [finding] })
  output.fail(describeFailure(failure, output.colour))
  return exit === 13 || code === 'bad-config' ? 2 : 1
}
