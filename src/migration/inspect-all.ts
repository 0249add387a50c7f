import { inspectMigration, type Surroundings } from './inspect.ts'
import type { Callback, Migration, ParsedFiles } from './migration.ts'

/** What a format read, with what each text says of itself. The findings are the format's and those about the texts. */
export function inspectAll(parsed: ParsedFiles, around: Surroundings): ParsedFiles {
  const migrations = parsed.migrations.map((each) => inspectOne(each, around))
  const baselines = parsed.baselines?.map((each) => inspectOne(each, around))
  const callbacks = parsed.callbacks?.map((each) => inspectCallback(each, around))
  return {
    migrations: migrations.map(({ migration }) => migration),
    ...(baselines && { baselines: baselines.map(({ migration }) => migration) }),
    ...(callbacks && { callbacks: callbacks.map(({ callback }) => callback) }),
    findings: [
      ...parsed.findings,
      ...[...migrations, ...(baselines ?? []), ...(callbacks ?? [])].flatMap(({ findings }) => findings),
    ],
  }
}

/** Only a versioned migration is taken back by a down script. What has no version must not seem to have one. */
function inspectOne(given: Migration, around: Surroundings): ReturnType<typeof inspectMigration> {
  const { migration, findings } = inspectMigration(given, around)
  if (given.kind === 'versioned') return { migration, findings }
  const own = findings.filter(({ code }) => code !== 'rollback-missing')
  return {
    migration,
    findings: own.map(({ version, ...rest }) =>
      version === undefined || version === '' ? rest : { ...rest, version },
    ),
  }
}

function inspectCallback(callback: Callback, around: Surroundings) {
  const { name, script, transaction } = callback
  const unversioned = { kind: 'repeatable', version: '', name, up: script } as const
  const { migration, findings } = inspectOne(
    { ...unversioned, transaction: { up: transaction, down: 'required' } },
    around,
  )
  return { callback: { ...callback, transaction: migration.transaction.up }, findings }
}
