/**
 * Whether two JSON values are equal; a field that is undefined counts as not there, as `JSON.stringify` has it. Templates
 * of hundreds of entries are compared in every review, which this does some times faster than Node's comparison of
 * anything with anything, and unlike packages for it with no regard for fields named `constructor` or `valueOf`.
 */
export function sameJson(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  if (Array.isArray(a)) {
    if (!Array.isArray(b) || a.length !== b.length) return false
    for (let i = 0; i < a.length; i++) if (!sameJson(a[i], b[i])) return false
    return true
  }
  return !Array.isArray(b) && sameFields(a as Fields, b as Fields)
}

type Fields = Readonly<Record<string, unknown>>

function sameFields(a: Fields, b: Fields): boolean {
  let fields = 0
  for (const key in a) {
    if (a[key] === undefined) continue
    if (!Object.hasOwn(b, key) || !sameJson(a[key], b[key])) return false
    fields++
  }
  for (const key in b) if (b[key] !== undefined) fields--
  return fields === 0
}
