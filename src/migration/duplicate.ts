import type { Finding } from './finding.ts'

/** Two files that claim one version: which of them is meant cannot be told. */
export const duplicate = (version: string, one: string, other: string): Finding => ({
  code: 'version-duplicate',
  severity: 'error',
  version,
  file: other,
  message: `${one} and ${other} are both version ${version}`,
  fix: `give one of them the next free number`,
})
