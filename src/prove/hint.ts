import { commentStatement } from './comment-target.ts'
import type { Difference } from './differences.ts'
import { hintForChange } from './hint-change.ts'
import { type Facet, lastName, parentOf, type SchemaObject } from './schema.ts'

/** SQL that the down script lacks, where that is clear. `others`: what else differs, for a new name in place of an old one. */
export function hintFor(difference: Difference, others: readonly Difference[] = []): string | undefined {
  const { what, object } = difference
  if (what === 'changed') return hintForChange(difference)
  const twin = others.find((other) => other.what !== what && isRenamed(object, other))
  if (twin !== undefined) return what === 'left' ? rename(object, twin.object) : undefined
  return what === 'left' ? drop(object) : create(object)
}

/** Without the table that it hangs on. */
export const ownName = ({ name }: Pick<SchemaObject, 'name'>): string =>
  / on /.test(name) ? name.slice(0, name.lastIndexOf(' on ')) : lastName(name)

const NAMED = ['constraint', 'column', 'trigger', 'policy']

/** The same kind of thing on the same table, saying the same, under another name. */
function isRenamed(object: SchemaObject, other: Difference): boolean {
  if (other.what === 'changed' || other.object.kind !== object.kind || !NAMED.includes(object.kind)) return false
  const plain = (each: SchemaObject) => JSON.stringify(each.facets).replaceAll(ownName(each), '')
  return parentOf(object) === parentOf(other.object) && plain(object) === plain(other.object)
}

function rename(now: SchemaObject, was: SchemaObject): string {
  const [from, to, parent] = [ownName(now), ownName(was), parentOf(now)]
  const kind = now.kind.toUpperCase()
  if (kind === 'TRIGGER' || kind === 'POLICY') return `ALTER ${kind} ${from} ON ${parent} RENAME TO ${to}`
  return `ALTER TABLE ${parent} RENAME ${kind} ${from} TO ${to}`
}

/** Parts, which are dropped by altering what they hang on. */
const parts: Readonly<Record<string, readonly [owner: string, part: string]>> = {
  column: ['TABLE', 'COLUMN'],
  attribute: ['TYPE', 'ATTRIBUTE'],
  constraint: ['TABLE', 'CONSTRAINT'],
  'domain constraint': ['DOMAIN', 'CONSTRAINT'],
}
const WITHOUT_DROP = ['default privileges', 'database', 'settings', 'parameter', 'security label']

function drop(object: SchemaObject): string | undefined {
  const { kind, name } = object
  const [owner, part] = parts[kind] ?? []
  if (owner !== undefined) return `ALTER ${owner} ${parentOf(object)} DROP ${part} ${ownName(object)}`
  if (kind === 'comment') return commentStatement(name, 'NULL')
  return WITHOUT_DROP.includes(kind) ? undefined : `DROP ${kind.toUpperCase()} ${name.replace(' on ', ' ON ')}`
}

function create(object: SchemaObject): string | undefined {
  const { kind, name, facets } = object
  const definition = facets.definition === undefined ? undefined : String(facets.definition).trim()
  switch (kind) {
    case 'column':
      return facets.type === undefined ? undefined : addColumn(object)
    case 'constraint':
      return `ALTER TABLE ${parentOf(object)} ADD CONSTRAINT ${ownName(object)} ${definition}`
    case 'domain constraint':
      return `ALTER DOMAIN ${parentOf(object)} ADD CONSTRAINT ${ownName(object)} ${definition}`
    case 'comment':
      return commentStatement(name, quoted(facets.text))
    case 'view':
    case 'materialized view':
      return `CREATE ${kind.toUpperCase()} ${name} AS ${definition}`
    case 'schema':
    case 'extension':
      return `CREATE ${kind.toUpperCase()} ${name}`
    default:
      return definition
  }
}

function addColumn(object: SchemaObject): string {
  const { type, generated, identity, default: value } = object.facets
  const rest =
    generated === undefined && identity === undefined
      ? `${value === undefined ? '' : ` DEFAULT ${value}`}${object.facets['not null'] === true ? ' NOT NULL' : ''}`
      : identity === undefined
        ? ` GENERATED ALWAYS AS (${value})${generated === 's' ? ' STORED' : ''}`
        : ` GENERATED ${identity} AS IDENTITY`
  return `ALTER TABLE ${parentOf(object)} ADD COLUMN ${ownName(object)} ${type}${rest}`
}

export const quoted = (value: Facet | undefined): string =>
  value === undefined ? 'NULL' : `'${String(value).replaceAll("'", "''")}'`
