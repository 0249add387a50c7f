import { checksumOf } from '../checksum.ts'
import { duplicate } from '../duplicate.ts'
import type { Finding } from '../finding.ts'
import type { Line } from '../lines.ts'
import type { Migration, Script, SourceFile } from '../migration.ts'
import { compareVersions, parseVersion } from '../version.ts'

/** The rules of a format in which one file holds both directions, a section each. */
export interface SectionRules {
  /** Its tool, as people write it. */
  readonly tool: string
  /** Group 1 is the number, group 2 the name of the migration. */
  readonly fileName: RegExp
  /** Lowest and highest number that its tool takes, canonical. */
  readonly least?: string
  readonly most?: string
  sectionsOf(file: SourceFile): Sections
}

/** What one file holds. Findings still lack the version. */
export interface Sections {
  /** Absent where no up section can be told; a finding says why. */
  readonly up?: Script
  readonly down?: Script
  readonly transaction: Migration['transaction']
  readonly findings: readonly Finding[]
}

/** Highest value of Go's int64 and Java's long. */
export const MAX_INT64 = '9223372036854775807'

/** One migration per file, lowest version first. */
export function readSections(
  files: readonly SourceFile[],
  rules: SectionRules,
): { migrations: Migration[]; findings: Finding[] } {
  const findings: Finding[] = []
  const taken = new Map<string, string>()
  const migrations = files.flatMap((file): Migration[] => {
    const [, digits = '', name = ''] = rules.fileName.exec(file.name) ?? []
    const version = parseVersion(digits)
    if (version === undefined || !takes(rules, version)) {
      findings.push(badNumber(file.name, rules, version))
      return []
    }
    const other = taken.get(version)
    if (other !== undefined) {
      findings.push(duplicate(version, other, file.name))
      return []
    }
    taken.set(version, file.name)
    const { up, down, transaction, findings: found } = rules.sectionsOf(file)
    findings.push(...found.map((finding) => ({ ...finding, version })))
    return up === undefined ? [] : [{ kind: 'versioned', version, name, up, ...(down && { down }), transaction }]
  })
  return { migrations: migrations.sort((a, b) => compareVersions(a.version, b.version)), findings }
}

const takes = ({ least = '0', most }: SectionRules, version: string) =>
  compareVersions(version, least) >= 0 && (most === undefined || compareVersions(version, most) <= 0)

const badNumber = (file: string, { tool, least = '0', most }: SectionRules, version: string | undefined): Finding => ({
  code: 'version-invalid',
  severity: 'error',
  ...(version !== undefined && { version }),
  file,
  message: `${file} has a number that ${tool} does not take: ${most === undefined ? 'it is too long' : `it is not from ${least} to ${most}`}`,
  fix: 'give it the next free number',
})

/** What stands from one line up to another, marker lines among it: they are comments to PostgreSQL. */
export function sectionOf({ name, text }: SourceFile, from: Line | undefined, to: Line | undefined): Script {
  const section = text.slice(from?.start ?? 0, to?.start)
  return { file: name, line: from?.number ?? 1, text: section, checksum: checksumOf(section) }
}
