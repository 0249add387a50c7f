import { compareVersions, parseVersion } from '../migration/version.ts'
import { COMPARISONS, type Comparison, type Proof, type ProofEntry } from './proof.ts'

/**
 * A proof as text: a heading with the number of the format, a line per entry, and the line of the signature. Every byte
 * above that line is signed, so it is read as strictly as it is written.
 */
const HEADING = 'lockkeeper-proof 1\n'

/** The text that is signed. The same entries are always the same text. */
export function proofText(entries: readonly ProofEntry[]): string {
  const sorted = [...entries].sort(
    (a, b) => compareVersions(a.version, b.version) || a.postgres - b.postgres || (a.start < b.start ? -1 : 1),
  )
  return HEADING + sorted.map(lineOf).join('')
}

const lineOf = ({ version, up, down, before, postgres, start, compared, at }: ProofEntry): string => {
  const results = compared.map(({ what, edition, result }) => `${what}/${edition}=${result}`).join(',')
  return `${[version, up, down, before, postgres, start, results, at].join(' ')}\n`
}

export interface ReadProof extends Proof {
  /** What a signature is over. */
  readonly text: string
}

/** A text as a proof, or its first flaw. It comes from a user, like all that is in it. */
export function readProof(text: string): ReadProof | { readonly flaw: string } {
  if (!text.startsWith('lockkeeper-proof ')) return { flaw: 'it is no proof of lockkeeper' }
  if (!text.startsWith(HEADING))
    return { flaw: 'its first line is not "lockkeeper-proof 1", the format that this release reads' }
  if (!text.endsWith('\n')) return { flaw: 'its last line is cut off' }
  const lines = text.slice(HEADING.length, -1).split('\n')
  const signature = /^signature ed25519 ([0-9a-f]{16}) ([A-Za-z0-9+/]{86}==)$/.exec(lines.at(-1) ?? '')
  const rows = signature === null ? lines : lines.slice(0, -1)
  const entries: ProofEntry[] = []
  for (const [i, row] of rows.entries()) {
    if (row === '' && lines.length === 1) break
    const entry = entryOf(row)
    if (entry === undefined) return { flaw: `line ${i + 2} is neither an entry nor the signature` }
    entries.push(entry)
  }
  if (signature === null) return { text, entries }
  const [line, key = '', value = ''] = signature
  return { text: text.slice(0, -line.length - 1), entries, signature: { key, value } }
}

const row =
  /^([\d.]+) ([0-9a-f]{64}) ([0-9a-f]{64}) (v1:[0-9a-f]{64}) (\d{1,3}) (empty|dump:[0-9a-f]{64}) (\S+) (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)$/

function entryOf(line: string): ProofEntry | undefined {
  const [, version = '', up = '', down = '', before = '', postgres = '', start = '', results = '', at = ''] =
    row.exec(line) ?? []
  const compared = results.split(',').map(comparisonOf)
  const whole = compared.filter((each) => each !== undefined)
  if (parseVersion(version) !== version || version === '' || whole.length < compared.length) return undefined
  return {
    version,
    up,
    down,
    before,
    postgres: Number(postgres),
    start: start as ProofEntry['start'],
    compared: whole,
    at,
  }
}

function comparisonOf(text: string): Comparison | undefined {
  const [, name, edition, result] = /^([a-z]+)\/(\d{1,3})=(restored|differs)$/.exec(text) ?? []
  const what = COMPARISONS.find((each) => each === name)
  return what && { what, edition: Number(edition), result: result as Comparison['result'] }
}
