import * as z from 'zod/mini'
import { FORMATS } from '../contract.ts'
import { LIMITS } from '../limits.ts'
import { type Finding, type FindingCode, refusal } from './finding.ts'
import type { Catalogue, CatalogueEntry } from './migration.ts'
import { sanitize } from './sanitize.ts'
import { compareVersions, parseVersion } from './version.ts'

/**
 * A catalogue as a ConfigMap keeps it: JSON without spaces, without what is empty or said elsewhere. It only grows: what
 * this release does not know is passed over, and what another means by a name already here gets another number.
 */
const FILE_FORMAT = 1

/** A catalogue as text. The same catalogue is always the same text. */
export function writeCatalogue({ format, entries, unversioned, findings, proof }: Catalogue): string {
  return JSON.stringify({
    version: FILE_FORMAT,
    format,
    entries: entries.map(({ findings: own, ...entry }) => ({
      ...entry,
      ...(own.length > 0 && { findings: own.map(({ version: _, ...finding }) => finding) }),
    })),
    ...(unversioned && { unversioned }),
    ...(findings.length > 0 && { findings }),
    ...(proof !== undefined && { proof }),
  })
}

/** A text as a catalogue, or its first flaw: what is wrong at which path. It comes from a user, like all that is in it. */
export function readCatalogue(text: string): Catalogue | { readonly flaw: string } {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    return { flaw: 'it is no JSON' } // The parser's own words would show a piece of the text.
  }
  const parsed = schema.safeParse(json)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    return { flaw: `${pathOf(issue?.path ?? [])} ${issue?.message}` }
  }
  const { format, entries, unversioned, findings, proof } = parsed.data
  const excess = excessOf(parsed.data)
  if (excess !== undefined) return { flaw: excess }
  const late = entries.findIndex(
    ({ version }, i) => i > 0 && compareVersions(version, entries[i - 1]?.version ?? '') <= 0,
  )
  if (late >= 0) return { flaw: `entries[${late}].version is not above the one before` }
  return {
    format,
    ...(unversioned && { unversioned }),
    entries: entries.map((entry) => ({ ...entry, findings: ownFindings(entry) })),
    findings: findings ?? [],
    ...(proof !== undefined && { proof }),
  }
}

function excessOf({ entries, unversioned = [], findings = [] }: z.infer<typeof schema>): string | undefined {
  const found = {
    versions: entries.length,
    unversioned: unversioned.length,
    findings: entries.reduce((sum, entry) => sum + (entry.findings?.length ?? 0), findings.length),
  }
  const bounds = ['versions', 'unversioned', 'findings'] as const
  const over = bounds.find((bound) => found[bound] > LIMITS[bound].value)
  return over && `it has ${found[over]} ${over}, and may have ${LIMITS[over].value}`
}

type Entry = Omit<CatalogueEntry, 'findings'> & { readonly findings?: readonly Finding[] }

/** A migration without a down script is one without, whatever the catalogue says of it. */
function ownFindings({ version, upFile, down, irreversible, findings = [] }: Entry): Finding[] {
  const own = findings.map((finding) => ({ ...finding, version }))
  const missing = down === undefined && irreversible === undefined
  if (!missing || own.some(({ code, severity }) => code === 'rollback-missing' && severity === 'error')) return own
  const fix = 'write it, then the catalogue again (lockkeeper catalogue)'
  return [...own, { ...refusal('rollback-missing', `${upFile} has no down script`, fix, version), file: upFile }]
}

const MAX_TEXT = 500

/** A text that ends up in a message: one line, of a length that leaves room for others. */
const line = z.pipe(
  z.string('is no text'),
  z.transform((text: string) => {
    const printable = sanitize(text).trim()
    return printable.length <= MAX_TEXT ? printable : `${printable.slice(0, MAX_TEXT - 1)}…`
  }),
)
const version = z
  .string('is no version')
  .check(z.refine((text: string) => parseVersion(text) === text, 'is no version as the database stores it, like "42"'))
const checksum = z.string('is no checksum').check(z.regex(/^[0-9a-f]{64}$/, 'is no SHA-256 in hex'))
/** Codes are more in a later release. */
const code = z.string('is no code').check(z.regex(/^[a-z][a-z-]{0,59}$/, 'is no code of a finding'))

const finding = z.object(
  {
    code: z.pipe(
      code,
      z.transform((text: string) => text as FindingCode),
    ),
    severity: z.enum(['error', 'warning'], 'is neither error nor warning'),
    version: z.exactOptional(version),
    file: z.exactOptional(line),
    line: z.exactOptional(z.int('is no line number')),
    message: line,
    fix: line,
  },
  'is no finding',
)

const findings = z.array(finding, 'is no list of findings')

const schema = z.object(
  {
    version: z.literal(FILE_FORMAT, `is not ${FILE_FORMAT}, the one that this release reads`),
    format: z.enum(FORMATS, `is none of ${FORMATS.join(', ')}`),
    entries: z.array(
      z.object(
        {
          version,
          name: line,
          upFile: line,
          up: checksum,
          downFile: z.exactOptional(line),
          down: z.exactOptional(checksum),
          irreversible: z.exactOptional(line),
          floor: z.exactOptional(version),
          findings: z.exactOptional(findings),
        },
        'is no migration',
      ),
      'is no list of migrations',
    ),
    unversioned: z.exactOptional(
      z.array(z.object({ key: z.string('is no key'), up: checksum }, 'is no checksum'), 'is no list of checksums'),
    ),
    findings: z.exactOptional(findings),
    proof: z.exactOptional(z.string('is no proof')),
  },
  'is no catalogue',
)

/** `entries[3].up`. */
const pathOf = (path: readonly PropertyKey[]): string =>
  path.reduce<string>(
    (text, part) => (typeof part === 'number' ? `${text}[${part}]` : `${text}${text === '' ? '' : '.'}${String(part)}`),
    '',
  ) || 'it'
