import { isDeepStrictEqual } from 'node:util'
import { commentTarget } from './comment-target.ts'
import { type Facet, objectsOf, parentOf, type SchemaObject } from './schema.ts'

/** One thing in which two schemas differ. */
export type Difference = ObjectDifference | FacetDifference

/** An object that only one of them has. */
export interface ObjectDifference {
  readonly what: 'left' | 'gone'
  readonly object: SchemaObject
}

export interface FacetDifference {
  readonly what: 'changed'
  readonly object: SchemaObject
  readonly facet: string
  /** Undefined: it says nothing there. */
  readonly before: Facet | undefined
  readonly after: Facet | undefined
  /** It means something only to who counts columns: `SELECT *`, INSERT without names. */
  readonly note?: true
}

/**
 * In what a schema differs from what it was, objects by name. What belongs to an object that is gone or left (the columns
 * of a table, the index of a constraint) is not said again.
 */
export function differences(before: string, after: string): Difference[] {
  if (before === after) return []
  const [was, is] = [objectsOf(before), objectsOf(after)]
  const gone = [...was].flatMap(([key, object]) => (is.has(key) ? [] : [object]))
  const left = [...is].flatMap(([key, object]) => (was.has(key) ? [] : [object]))
  const changed = [...was].flatMap(([key, object]) => {
    const other = is.get(key)
    return other === undefined ? [] : changes(object, other)
  })
  const all = [
    ...heads(gone, changed).map((object) => ({ what: 'gone' as const, object })),
    ...heads(left, changed).map((object) => ({ what: 'left' as const, object })),
    ...changed,
  ]
  return all.sort((a, b) => (a.object.kind + a.object.name < b.object.kind + b.object.name ? -1 : 1))
}

/** Whether it is more than a note: no code depends on a comment, nor on the order of columns that it names. */
export const isFault = (difference: Difference): boolean =>
  difference.object.kind !== 'comment' && (difference.what !== 'changed' || difference.note !== true)

const ORDERS = ['column order', 'attribute order']

function changes(was: SchemaObject, is: SchemaObject): FacetDifference[] {
  const names = [...new Set([...Object.keys(was.facets), ...Object.keys(is.facets)])]
  return names.flatMap((facet): FacetDifference[] => {
    const [before, after] = [was.facets[facet], is.facets[facet]]
    if (isDeepStrictEqual(before, after)) return []
    const difference = { what: 'changed', object: was, facet, before, after } as const
    if (!ORDERS.includes(facet)) return [difference]
    // A column more or less is said of the column.
    return isDeepStrictEqual(sorted(before), sorted(after)) ? [{ ...difference, note: true }] : []
  })
}

const sorted = (value: Facet | undefined) => (Array.isArray(value) ? [...value].map(String).sort() : value)

/** Objects whose parent is not among them, and that nothing else among them brings along. */
function heads(objects: readonly SchemaObject[], changed: readonly FacetDifference[]): SchemaObject[] {
  const names = new Set(objects.filter(({ kind }) => kind !== 'comment').map(({ name }) => name))
  const keys = new Set(objects.map(({ kind, name }) => `${kind} ${name}`))
  return objects.filter((object) => {
    if (object.kind === 'comment') return !commentTarget(object.name).about.some((name) => names.has(name))
    const parent = parentOf(object)
    if (parent !== undefined && names.has(parent)) return false
    if (object.kind === 'index' && parent !== undefined) {
      const constraint = object.name.slice(schemaOf(object.name).length)
      if (keys.has(`constraint ${constraint} on ${parent}`)) return false
    }
    // PostgreSQL 18 has a constraint for each NOT NULL, which the column says already.
    const column = /^NOT NULL ("(?:[^"]|"")*"|[^ "]+)$/.exec(String(object.facets.definition))?.[1]
    if (object.kind !== 'constraint' || column === undefined || parent === undefined) return true
    return !(
      keys.has(`column ${parent}.${column}`) ||
      changed.some((each) => each.facet === 'not null' && each.object.name === `${parent}.${column}`)
    )
  })
}

const schemaOf = (name: string) => /^(?:"(?:[^"]|"")*"|[^."]+)\./.exec(name)?.[0] ?? ''
