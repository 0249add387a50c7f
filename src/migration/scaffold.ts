/** The number after the highest version, six digits or more. */
export const nextNumber = (highest: string | undefined): string =>
  String(BigInt(highest?.split('.')[0] ?? '0') + 1n).padStart(6, '0')

/** A name as it stands in a file name: lower case, words joined by `_`. */
export const titleOf = (name: string): string =>
  name
    .trim()
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, '_')
    .replace(/^_|_$/g, '')
