import type { Finding } from './finding.ts'
import type { MigrationSet } from './migration.ts'

/** Which file is which version is in doubt: the text that would be stored, or taken for applied, may be the other one. */
const ofNames: readonly Finding['code'][] = ['version-invalid', 'version-duplicate']

/**
 * The first error that keeps the files from being used, or undefined. A missing way back is judged elsewhere. What is wrong
 * with the text of a script that will not run again refuses nothing: `done` says of which versions that is so, and
 * `isMeant` which versions matter at all (default: every one).
 */
export function blockingFinding(
  { migrations, findings }: Pick<MigrationSet, 'migrations' | 'findings'>,
  done: (version: string) => boolean,
  isMeant: (version: string) => boolean = () => true,
): Finding | undefined {
  const errors = findings.filter(({ severity, code }) => severity === 'error' && !code.startsWith('rollback-'))
  if (errors.length === 0) return undefined
  const read = new Set(migrations.map(({ version }) => version))
  // Of an applied version without a script here the database has all there is; with two, which one it was is in doubt.
  return errors.find(({ code, version }) => {
    if (version === undefined) return true
    if (!isMeant(version)) return false
    return !done(version) || (ofNames.includes(code) && read.has(version))
  })
}
