import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Finding } from '../migration/finding.ts'
import { safeJson, sanitize } from '../migration/sanitize.ts'
import type { MigrationOptions } from './migrations.ts'

/** Prints findings as a pipeline reads them (`-o github`, `-o sarif`); false for an output that people or programs read. */
export function printForPipeline(
  findings: readonly Finding[],
  options: MigrationOptions & { readonly output?: string },
): boolean {
  if (options.output === 'github')
    for (const finding of findings) process.stdout.write(`${githubLine(finding, options)}\n`)
  else if (options.output === 'sarif') process.stdout.write(`${safeJson(sarif(findings, options), 2)}\n`)
  else return false
  return true
}

/** A workflow command of GitHub Actions. */
function githubLine({ severity, file, line, code, message, fix }: Finding, options: MigrationOptions): string {
  const place = [
    ...(file === undefined ? [] : [`file=${property(pathOf(file, options))}`]),
    ...(line === undefined ? [] : [`line=${line}`]),
    `title=${code}`,
  ]
  return `::${severity} ${place.join(',')}::${escaped(sanitize(`${message}; fix: ${fix}`))}`
}

const escaped = (text: string) => text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A')
const property = (text: string) => escaped(sanitize(text)).replaceAll(':', '%3A').replaceAll(',', '%2C')

/** SARIF 2.1.0. */
const sarif = (findings: readonly Finding[], options: MigrationOptions) => ({
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
            : [
                {
                  physicalLocation: {
                    artifactLocation: { uri: encodeURI(pathOf(file, options)) },
                    region: { startLine: line ?? 1 },
                  },
                },
              ],
      })),
    },
  ],
})

/** The path by which the reader of a pipeline's output knows the file; in a ConfigMap manifest it has only its name. */
function pathOf(file: string, { migrations = [] }: MigrationOptions): string {
  const folder = migrations.find((path) => statSync(path).isDirectory() && existsSync(join(path, file)))
  return folder === undefined ? file : join(folder, file)
}
