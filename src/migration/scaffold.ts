import { parseVersion } from './version.ts'

/** The number after the highest version, six digits or more. */
export const nextNumber = (highest: string | undefined): string =>
  String(BigInt(highest?.split('.')[0] ?? '0') + 1n).padStart(6, '0')

/** The version that a file name begins with, in formats that number their files: `3_c.go` is 3. */
export const numberOf = (name: string): string | undefined => parseVersion(/^(\d+)[_\-. ]/.exec(name)?.[1] ?? '')

/** A name as it stands in a file name: lower case, words joined by `_`. */
export const titleOf = (name: string): string =>
  name
    .trim()
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, '_')
    .replace(/^_|_$/g, '')
