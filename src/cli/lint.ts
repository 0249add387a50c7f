import type { Finding } from '../migration/finding.ts'
import type { Migration, MigrationSet } from '../migration/migration.ts'
import { sanitize } from '../migration/sanitize.ts'
import { compareVersions } from '../migration/version.ts'
import { Problem } from '../problem.ts'
import type { Judgement } from '../safety/judge.ts'
import { versionOption } from './database.ts'
import { printForPipeline } from './lint-output.ts'
import { reportLines } from './lint-report.ts'
import { loadMigrations, type MigrationOptions } from './migrations.ts'
import type { Output } from './output.ts'
import { writeRepaired } from './repair.ts'

export interface LintOptions extends MigrationOptions {
  readonly since?: string
  readonly serverVersion?: string
  readonly fix?: boolean
  readonly output?: string
}

/** `lint`: every finding about files and SQL, both directions. Exit 1 when one is an error. */
export async function lint(output: Output, options: LintOptions, read: MigrationSet): Promise<number> {
  const since = versionOption('--since', options.since)
  const server = serverOf(options.serverVersion)
  let files = read
  let judged = await judgeSql(files, server, since)
  if (options.fix === true && writeRepaired(output, files, judged.repaired, { ...options, since }) > 0) {
    files = await loadMigrations(options)
    judged = await judgeSql(files, server, since)
  }
  const findings = [...files.findings, ...files.migrations.flatMap(irreversible), ...judged.findings]
    .filter(({ version }) => since === undefined || version === undefined || compareVersions(version, since) > 0)
    .sort(byPlace)
  if (!printForPipeline(findings, options)) {
    output.document(findings)
    for (const line of reportLines(findings, files, output.colour)) output.print(line)
  }
  if (files.passedOver !== undefined) output.say(describePassedOver(files.passedOver))
  return findings.some(({ severity }) => severity === 'error') ? 1 : 0
}

/** The parser is loaded only where there is SQL to read. */
async function judgeSql(
  files: MigrationSet,
  server: number | undefined,
  since: string | undefined,
): Promise<Judgement> {
  if (files.migrations.length === 0) return { findings: [], allowed: [], repaired: [] }
  const [{ judge }, { loadParser }] = await Promise.all([import('../safety/judge.ts'), import('../sql/parser.ts')])
  const parse = await loadParser()
  return judge(files, { parse, ...(server !== undefined && { server }), ...(since !== undefined && { since }) })
}

function serverOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const [, major = ''] = /^(\d{2})(?:\.\d+)*$/.exec(text) ?? []
  if (Number(major) < 14)
    throw new Problem(
      `--server-version is "${text}", which is no version from 14 on`,
      'write the major version, like 17',
    )
  return Number(major)
}

const irreversible = ({ version, up, irreversible: declared }: Migration): Finding[] =>
  declared === undefined
    ? []
    : [
        {
          code: 'rollback-irreversible',
          severity: 'warning',
          version,
          file: up.file,
          line: declared.line,
          message: `${up.file} cannot be undone: ${declared.reason}`,
          fix: 'keep a backup; a namespace admits it only with lockkeeper.dev/allow-irreversible: "true"',
        },
      ]

/** By version; within one the order in which they were found is that of up, down and line. */
const byPlace = (a: Finding, b: Finding) => compareVersions(a.version ?? '0', b.version ?? '0')

const MAX_NAMED = 20

/** Not a finding: a folder may hold what it likes, but nobody should believe that it ran. */
const describePassedOver = (names: readonly string[]): string => {
  const more = names.length > MAX_NAMED ? ` and ${names.length - MAX_NAMED} more` : ''
  return sanitize(`no migrations, passed over: ${names.slice(0, MAX_NAMED).join(', ')}${more}`)
}
