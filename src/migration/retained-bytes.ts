import type { SourceContent } from './catalogue-source.ts'
import type { Finding } from './finding.ts'

/** What V8 keeps for each beside its texts, bytes: objects, slots, headers of strings. Measured, rounded up. */
const SOURCE = 4_000
const ENTRY = 450
const FINDING = 350
const KEY = 60

/** How much memory a source takes while it is kept, bytes: of a set of thousands of small migrations mostly no text. */
export function retainedBytes({ catalogue, items }: SourceContent): number {
  const { entries, findings, unversioned = [], proof = '' } = catalogue
  let bytes = SOURCE + textOf(findings) + 2 * proof.length
  for (const { name, upFile, downFile = '', up, down = '', irreversible = '', findings: own } of entries) {
    bytes += ENTRY + 2 * (name.length + upFile.length + downFile.length + irreversible.length)
    bytes += up.length + down.length + textOf(own)
  }
  for (const { key, up } of unversioned) bytes += KEY + 2 * key.length + up.length
  for (const { keys } of items) for (const key of keys) bytes += KEY + key.length
  return bytes
}

const textOf = (findings: readonly Finding[]): number =>
  findings.reduce(
    (sum, { message, fix, file = '' }) => sum + FINDING + 2 * (message.length + fix.length + file.length),
    0,
  )
