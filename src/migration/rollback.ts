import type { RollbackPolicy } from '../contract.ts'
import type { Finding } from './finding.ts'
import type { CatalogueEntry } from './migration.ts'
import { isAbove } from './version.ts'

export interface RollbackRules {
  readonly rollbackPolicy: RollbackPolicy
  readonly allowIrreversible: boolean
  /** Migrations up to it need no down script. */
  readonly baseline?: string
}

/**
 * The `rollback-*` findings about these migrations, at admission and again in the runner for changed files. Errors refuse;
 * warnings come from the SQL, where it was read.
 */
export function rollbackFindings(entries: readonly CatalogueEntry[], rules: RollbackRules): Finding[] {
  if (rules.rollbackPolicy === 'off') return []
  return entries
    .filter(({ version }) => isAbove(version, rules.baseline))
    .flatMap((entry) => {
      const own = entry.findings.filter(({ code }) => code.startsWith('rollback-'))
      return entry.irreversible === undefined || rules.allowIrreversible ? own : [irreversible(entry), ...own]
    })
}

const irreversible = (entry: CatalogueEntry): Finding => ({
  code: 'rollback-irreversible',
  severity: 'error',
  version: entry.version,
  file: entry.upFile,
  message: `${entry.upFile} says that it cannot be undone: ${entry.irreversible}`,
  fix: 'split it so that it can, or have the platform team set lockkeeper.dev/allow-irreversible: "true" on the namespace',
})
