import { floorsOf } from '../engine/floors.ts'
import type { Seen } from '../history/read.ts'
import { blockingFinding } from '../migration/blocking.ts'
import { formatDuration } from '../migration/duration.ts'
import { firstSteps } from '../migration/formats/flyway/first-steps.ts'
import type { Migration, MigrationSet } from '../migration/migration.ts'
import { planUp } from '../migration/plan.ts'
import { compareVersions, highestVersion, shownVersion } from '../migration/version.ts'
import type { ReadScript } from '../sql/statement.ts'
import { commandLineCure } from './command-line-cure.ts'
import { type DatabaseOptions, requestOf, versionOrNone, withDatabase } from './database.ts'
import type { Output } from './output.ts'
import { describeCompatibility, plannedCompatibility } from './plan-compatibility.ts'
import { formatBytes, type PlannedLock, plannedStatements, relationsOf, sizesOf, stallOf } from './plan-locks.ts'
import { lookAt } from './status.ts'
import { versionZeroLeft } from './version-zero.ts'

/** `plan`: what `up --to` or `down --to` would do, in order. Changes nothing. */
export async function plan(
  output: Output,
  options: DatabaseOptions & { readonly to?: string },
  files: MigrationSet,
): Promise<number> {
  const { seen } = await lookAt(options)
  const to = versionOrNone('--to', options.to)
  const live = highestVersion(seen.applied.map(({ version }) => version))
  if (to !== undefined && live !== undefined && compareVersions(to, live) < 0) {
    const steps = seen.applied.filter(({ version }) => compareVersions(version, to) > 0).reverse()
    const impossible = steps.find(({ downChecksum }) => downChecksum === null)
    output.document({
      direction: 'down',
      from: live,
      to: to || null,
      steps: steps.map(({ version, name }) => ({ version, name })),
    })
    output.print(`down from ${live} to ${shownVersion(to)}, with the scripts stored in the database`)
    for (const { version, name, downChecksum } of steps)
      output.print(`  down ${version} ${name}${downChecksum === null ? '  (no down script stored)' : ''}`)
    const left = versionZeroLeft(seen.applied, to)
    if (left !== undefined) output.print(left)
    return impossible === undefined ? 0 : 1
  }
  const done = new Set(seen.applied.map(({ version }) => version))
  const unread = blockingFinding(
    files,
    (version) => done.has(version),
    undefined,
    (name) => seen.repeatables.get(name),
  )
  if (unread !== undefined) {
    output.document({ direction: 'up', from: live ?? null, to: to ?? null, steps: [], findings: [unread] })
    output.print(`${unread.message}\n  fix: ${commandLineCure(unread.fix)}`)
    return 1
  }
  const planned = planUp(
    startingFrom(files, seen, to),
    seen.applied.map(({ version }) => version),
    to,
    options.outOfOrder,
  )
  if (planned.kind === 'impossible') {
    output.document({ direction: 'up', from: live ?? null, to: to ?? null, steps: [], findings: [planned] })
    output.print(`${planned.message}\n  fix: ${commandLineCure(planned.fix)}`)
    return 1
  }
  const steps = planned.kind === 'up' ? planned.steps : []
  const scripts = await readScripts(steps)
  const sizes = await withDatabase(options, (session) =>
    sizesOf(session, relationsOf([...scripts.values()]), options.role),
  )
  const top = highestVersion(files.migrations.flatMap(({ kind, version }) => (kind === 'versioned' ? version : [])))
  const repeatables = files.migrations.filter(
    ({ kind, name, up }) => kind === 'repeatable' && (to ?? top) === top && seen.repeatables.get(name) !== up.checksum,
  )
  const lockTimeoutMs = requestOf(options, to).lockTimeoutMs
  const floors = await floorsOf(files)
  const described = steps.map((step) => {
    const { version, name, up, down, transaction } = step
    const script = scripts.get(step)
    const statements = script === undefined ? [] : plannedStatements(script, sizes)
    return {
      version,
      name,
      file: up.file,
      transactional: transaction.up === 'required',
      statements: statements.map(({ text }) => text),
      locks: statements.flatMap(({ line, locks }) => locks.map((lock) => ({ line, ...lock }))),
      stallMs: stallOf(statements, lockTimeoutMs),
      down: down?.file ?? null,
      compatibility: plannedCompatibility(step, floors),
      shown: statements,
    }
  })
  output.document({
    direction: 'up',
    from: live ?? null,
    to: steps.at(-1)?.version ?? live ?? null,
    steps: described.map(({ shown: _, ...step }) => step),
    repeatables: repeatables.map(({ name, up }) => ({ name, file: up.file })),
  })
  if (steps.length + repeatables.length === 0) output.print(`nothing to do: the schema is at ${live ?? 'nothing'}`)
  for (const { version, name, file, transactional, shown, stallMs, down, compatibility } of described) {
    output.print(`up ${version} ${name}  (${file}; back by ${down ?? 'nothing'})`)
    if (!transactional) output.print('  statement by statement, outside a transaction')
    for (const statement of shown) {
      output.print(`  ${statement.text}`)
      for (const lock of statement.locks) if (lock.bytes !== null) output.print(`      ${describeLock(lock)}`)
    }
    for (const line of describeCompatibility(compatibility)) output.print(line)
    if (stallMs > 0) output.print(`  may hold up others for at most ${formatDuration(stallMs)} at a time`)
  }
  for (const { name, up } of repeatables) output.print(`again ${name}  (${up.file})`)
  return 0
}

/** The parser is loaded only where there is SQL to read. */
async function readScripts(steps: readonly Migration[]): Promise<ReadonlyMap<Migration, ReadScript>> {
  if (steps.length === 0) return new Map()
  const [{ readScript }, { loadParser }] = await Promise.all([
    import('../sql/statement.ts'),
    import('../sql/parser.ts'),
  ])
  const parse = await loadParser()
  return new Map(steps.map((step) => [step, readScript(step.up, parse)]))
}

/** On a database with nothing applied a baseline stands for the versions up to its own. */
function startingFrom(files: MigrationSet, seen: Seen, to: string | undefined): readonly Migration[] {
  const { migrations, baselines = [] } = files
  if (seen.applied.length > 0 || baselines.length === 0) return migrations
  const all = [...migrations, ...baselines].flatMap(({ kind, version }) => (kind === 'repeatable' ? [] : version))
  return firstSteps(files, to ?? highestVersion(all) ?? '0')
}

const describeLock = ({ mode, relation, bytes, rows, blocks }: PlannedLock): string =>
  `${mode} on ${relation} (${formatBytes(bytes ?? 0)}, about ${rows ?? 0} rows): blocks ${blocks}`
