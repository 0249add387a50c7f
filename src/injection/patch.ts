import jsonPatch from 'fast-json-patch'
import { sameJson } from './same-json.ts'
import type { Json, JsonObject } from './workload.ts'

/** One operation of a JSON Patch (RFC 6902). */
export type Operation =
  | { readonly op: 'add' | 'replace'; readonly path: string; readonly value: Json }
  | { readonly op: 'remove'; readonly path: string }

/** Elements of a list that may differ one by one: a patch of hundreds of operations takes longer to apply than the list. */
const MANY = 20

/** The operations that turn one JSON value into another; lists are compared by what they share at both ends. */
export function diff(before: Json, after: Json, path = ''): Operation[] {
  if (before === after) return []
  if (Array.isArray(before) && Array.isArray(after)) return diffLists(before, after, path)
  if (isObject(before) && isObject(after)) return diffObjects(before, after, path)
  return sameJson(before, after) ? [] : [{ op: 'replace', path, value: after }]
}

/**
 * What a patch makes of a value, which stays as it is: what an operation touches is copied first, the rest is shared.
 * Throws when the patch does not apply.
 */
export function patched(before: Json, patch: readonly Operation[]): Json {
  const copies = new Set<Json>()
  const own = (value: Json): Json => {
    if (typeof value !== 'object' || value === null || copies.has(value)) return value
    const copy = Array.isArray(value) ? [...value] : { ...value }
    copies.add(copy)
    return copy
  }
  let root = before
  for (const operation of patch) {
    root = own(root)
    let at = root as JsonObject
    for (const segment of operation.path.split('/').slice(1, -1)) {
      const key = segment.replaceAll('~1', '/').replaceAll('~0', '~')
      const inner = at[key]
      if (typeof inner !== 'object' || inner === null) break
      at[key] = own(inner)
      at = at[key] as JsonObject
    }
    root = jsonPatch.applyOperation(root, operation as never).newDocument as Json
  }
  return root
}

function diffObjects(before: JsonObject, after: JsonObject, path: string): Operation[] {
  const removed = Object.keys(before)
    .filter((key) => !Object.hasOwn(after, key))
    .map((key): Operation => ({ op: 'remove', path: `${path}/${escaped(key)}` }))
  const others = Object.entries(after).flatMap(([key, value]): Operation[] => {
    const at = `${path}/${escaped(key)}`
    const old = Object.hasOwn(before, key) ? before[key] : undefined
    return old === undefined ? [{ op: 'add', path: at, value }] : diff(old, value, at)
  })
  return [...removed, ...others]
}

function diffLists(before: readonly Json[], after: readonly Json[], path: string): Operation[] {
  const shortest = Math.min(before.length, after.length)
  let head = 0
  while (head < shortest && sameJson(before[head], after[head])) head++
  let tail = 0
  while (tail < shortest - head && sameJson(before.at(-1 - tail), after.at(-1 - tail))) tail++
  const old = before.slice(head, before.length - tail)
  const fresh = after.slice(head, after.length - tail)
  if (Math.max(old.length, fresh.length) > MANY) return [{ op: 'replace', path, value: [...after] }]
  if (old.length === fresh.length) {
    return fresh.flatMap((value, i) => diff(old[i] ?? null, value, `${path}/${head + i}`))
  }
  // Removed from the last to the first, so that the indexes of those before stay true.
  const removals = old.map((_, i): Operation => ({ op: 'remove', path: `${path}/${head + old.length - 1 - i}` }))
  const additions = fresh.map((value, i): Operation => ({ op: 'add', path: `${path}/${head + i}`, value }))
  return [...removals, ...additions]
}

const isObject = (value: Json): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** RFC 6901. */
const escaped = (key: string) => key.replaceAll('~', '~0').replaceAll('/', '~1')
