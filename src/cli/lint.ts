import type { Finding } from '../migration/finding.ts'
import type { MigrationSet } from '../migration/migration.ts'
import { compareVersions } from '../migration/version.ts'
import { versionOption } from './database.ts'
import { describeFinding, type Output } from './output.ts'

export interface LintOptions {
  readonly since?: string
  readonly output?: string
}

/** `lint`: every finding, both directions. Exit 1 when one is an error. */
export function lint(output: Output, options: LintOptions, files: MigrationSet): number {
  const since = versionOption('--since', options.since)
  const irreversible = files.migrations.flatMap(({ version, up, irreversible: declared }): Finding[] =>
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
            fix: 'the namespace must say lockkeeper.dev/allow-irreversible: "true"',
          },
        ],
  )
  const findings = [...files.findings, ...irreversible].filter(
    ({ version }) => since === undefined || version === undefined || compareVersions(version, since) > 0,
  )
  if (options.output === 'github') for (const finding of findings) process.stdout.write(`${githubLine(finding)}\n`)
  else if (options.output === 'sarif') process.stdout.write(`${JSON.stringify(sarif(findings), null, 2)}\n`)
  else {
    output.document(findings)
    for (const finding of findings) output.print(describeFinding(finding, output.colour))
    if (findings.length === 0) output.print(`${files.migrations.length} migrations, no finding`)
  }
  return findings.some(({ severity }) => severity === 'error') ? 1 : 0
}

/** A workflow command of GitHub Actions. */
function githubLine({ severity, file, line, code, message, fix }: Finding): string {
  const escaped = (text: string) => text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A')
  const place = [
    ...(file === undefined ? [] : [`file=${file}`]),
    ...(line === undefined ? [] : [`line=${line}`]),
    `title=${code}`,
  ]
  return `::${severity} ${place.join(',')}::${escaped(`${message}; fix: ${fix}`)}`
}

/** SARIF 2.1.0. */
const sarif = (findings: readonly Finding[]) => ({
  $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
  version: '2.1.0',
  runs: [
    {
      tool: {
        driver: { name: 'lockkeeper', rules: [...new Set(findings.map(({ code }) => code))].map((id) => ({ id })) },
      },
      results: findings.map(({ code, severity, message, fix, file, line }) => ({
        ruleId: code,
        level: severity,
        message: { text: `${message}; fix: ${fix}` },
        locations:
          file === undefined
            ? []
            : [{ physicalLocation: { artifactLocation: { uri: file }, region: { startLine: line ?? 1 } } }],
      })),
    },
  ],
})
