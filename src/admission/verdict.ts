import type { Finding } from '../migration/finding.ts'

/** What the validating webhook answers. */
export type Verdict =
  | {
      readonly allowed: true
      readonly warnings: readonly string[]
      readonly findings: readonly Finding[]
      readonly audit: Readonly<Record<string, string>>
    }
  | {
      readonly allowed: false
      readonly message: string
      readonly warnings: readonly string[]
      readonly findings: readonly Finding[]
      readonly audit: Readonly<Record<string, string>>
    }
