import type { Finding } from './finding.ts'
import type { MigrationSet } from './migration.ts'

/** Which file is which version is in doubt: the text that would be stored, or taken for applied, may be the other one. */
const ofNames: readonly Finding['code'][] = ['version-invalid', 'version-duplicate']

/**
 * The first error that keeps the files from being used, or undefined. A missing way back is judged elsewhere. What is wrong
 * with the text of a script that will not run again refuses nothing: `done` says of which versions that is so, and
 * `isMeant` which versions matter at all (default: every one), `repeated` with which checksum a repeatable one ran last.
 */
export function blockingFinding(
  { migrations, findings }: Pick<MigrationSet, 'migrations' | 'findings'>,
  done: (version: string) => boolean,
  isMeant: (version: string) => boolean = () => true,
  repeated: (name: string) => string | undefined = () => undefined,
): Finding | undefined {
  const errors = findings.filter(({ severity, code }) => severity === 'error' && !code.startsWith('rollback-'))
  if (errors.length === 0) return undefined
  const read = new Set(migrations.map(({ version }) => version))
  // Of an applied version without a script here the database has all there is; with two, which one it was is in doubt.
  const current = new Set<string | undefined>(
    migrations.flatMap(({ kind, name, up }) =>
      kind === 'repeatable' && repeated(name) === up.checksum ? up.file : [],
    ),
  )
  return errors.find(({ code, version, file }) => {
    if (version === undefined) return ofNames.includes(code) || !current.has(file)
    if (!isMeant(version)) return false
    return !done(version) || (ofNames.includes(code) && read.has(version))
  })
}
