/**
 * The canonical form of a version, as the database stores it: digits in dotted parts, no leading zeros, no trailing
 * zero parts (1 = 1.0 = 01). Undefined when the text is no version.
 */
export function parseVersion(text: string): string | undefined {
  if (!/^\d+(\.\d+)*$/.test(text) || text.length > 200) return undefined
  const parts = text.split('.').map((part) => part.replace(/^0+(?=\d)/, ''))
  while (parts.length > 1 && parts.at(-1) === '0') parts.pop()
  return parts.join('.')
}

/** Version order: numeric per dotted part, of any length, never lexicographic. Negative, zero or positive. */
export function compareVersions(a: string, b: string): number {
  if (!a.includes('.') && !b.includes('.')) return compareNumerals(a, b)
  const [left, right] = [a.split('.'), b.split('.')]
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const order = compareNumerals(left[i] ?? '0', right[i] ?? '0')
    if (order !== 0) return order
  }
  return 0
}

/** Canonical numerals compare by length, then digit by digit: no number type bounds them. */
function compareNumerals(a: string, b: string): number {
  if (a.length !== b.length) return a.length - b.length
  return a < b ? -1 : a > b ? 1 : 0
}

/** Where nothing is applied, not even a version 0: below every version. No file and no row ever has it. */
export const NOTHING = ''

/** A version for a message. */
export const shownVersion = (version: string | null | undefined): string => version || 'nothing'

/** The highest of them, or undefined when there is none. */
export function highestVersion(versions: Iterable<string>): string | undefined {
  let highest: string | undefined
  for (const version of versions) {
    if (highest === undefined || compareVersions(version, highest) > 0) highest = version
  }
  return highest
}

/** Whether a version is above another; above nothing is every version. */
export const isAbove = (version: string, other: string | undefined): boolean =>
  other === undefined || compareVersions(version, other) > 0
