import { commentStatement } from './comment-target.ts'
import type { FacetDifference } from './differences.ts'
import { ownName, quoted } from './hint.ts'
import { type Facet, parentOf, type SchemaObject } from './schema.ts'

/** SQL that gives an object back what a facet of it said before, where that is clear. */
export function hintForChange(difference: FacetDifference): string | undefined {
  const { object, facet, before } = difference
  const { kind, name } = object
  if (facet === 'privileges') return privileges(difference)
  if (facet === 'owner')
    return kind === 'extension' ? undefined : `ALTER ${kind.toUpperCase()} ${name} OWNER TO ${before}`
  switch (kind) {
    case 'comment':
      return commentStatement(name, quoted(before))
    case 'column':
      return ofColumn(difference)
    case 'table':
      return ofTable(difference)
    case 'sequence':
      return ofSequence(difference)
    case 'constraint':
      return facet === 'not validated' && before === undefined
        ? `ALTER TABLE ${parentOf(object)} VALIDATE CONSTRAINT ${ownName(object)}`
        : undefined
    case 'trigger':
      return facet === 'enabled'
        ? `ALTER TABLE ${parentOf(object)} ${before ?? 'ENABLE'} TRIGGER ${ownName(object)}`
        : undefined
    case 'extension':
      return facet === 'version' ? `ALTER EXTENSION ${name} UPDATE TO ${quoted(before)}` : undefined
    default:
      return facet === 'definition' && before !== undefined ? definition(kind, name, String(before).trim()) : undefined
  }
}

function definition(kind: string, name: string, text: string): string | undefined {
  if (kind === 'view') return `CREATE OR REPLACE VIEW ${name} AS ${text}`
  return kind === 'function' || kind === 'procedure' ? text : undefined
}

function ofColumn({ object, facet, before }: FacetDifference): string | undefined {
  const alter = `ALTER TABLE ${parentOf(object)} ALTER COLUMN ${ownName(object)}`
  const set = (what: string) => (before === undefined ? undefined : `${alter} SET ${what} ${before}`)
  const plain = object.facets.generated === undefined
  switch (facet) {
    case 'type':
      return `${alter} TYPE ${before}`
    case 'not null':
      return `${alter} ${before === true ? 'SET' : 'DROP'} NOT NULL`
    case 'default':
      return plain ? (set('DEFAULT') ?? `${alter} DROP DEFAULT`) : undefined
    case 'storage':
      return set('STORAGE') // What it is by itself depends on the type.
    case 'compression':
      return set('COMPRESSION') ?? `${alter} SET COMPRESSION DEFAULT`
    case 'statistics target':
      return set('STATISTICS') ?? `${alter} SET STATISTICS -1`
    default:
      return undefined
  }
}

const identities: Readonly<Record<string, string>> = { n: 'NOTHING', f: 'FULL' }

function ofTable({ object, facet, before }: FacetDifference): string | undefined {
  const alter = `ALTER TABLE ${object.name}`
  switch (facet) {
    case 'row level security':
      return `${alter} ${before === true ? 'ENABLE' : 'DISABLE'} ROW LEVEL SECURITY`
    case 'forced row level security':
      return `${alter} ${before === true ? 'FORCE' : 'NO FORCE'} ROW LEVEL SECURITY`
    case 'replica identity':
      return before === 'i' ? undefined : `${alter} REPLICA IDENTITY ${identities[String(before)] ?? 'DEFAULT'}`
    case 'unlogged':
      return `${alter} SET ${before === true ? 'UNLOGGED' : 'LOGGED'}`
    default:
      return undefined
  }
}

const sequenceWords: Readonly<Record<string, string>> = {
  type: 'AS',
  start: 'START',
  increment: 'INCREMENT',
  minimum: 'MINVALUE',
  maximum: 'MAXVALUE',
  cache: 'CACHE',
  'owned by': 'OWNED BY',
}

function ofSequence({ object, facet, before }: FacetDifference): string | undefined {
  if (facet === 'cycle') return `ALTER SEQUENCE ${object.name} ${before === true ? 'CYCLE' : 'NO CYCLE'}`
  const word = sequenceWords[facet]
  return word && `ALTER SEQUENCE ${object.name} ${word} ${before ?? 'NONE'}`
}

/** `app: SELECT WITH GRANT OPTION by postgres`, or `not app: …`: as `privileges` in catalog/parts.ts writes it. */
const grant = /^(not )?(.+): ([A-Z ]+?)( WITH GRANT OPTION)? by /
const MOST = 5

function privileges({ object, before, after }: FacetDifference): string | undefined {
  const [was, is] = [listOf(before), listOf(after)]
  const lines = [
    ...is.filter((each) => !was.includes(each)).map((each) => grantLine(object, each, false)),
    ...was.filter((each) => !is.includes(each)).map((each) => grantLine(object, each, true)),
  ]
  if (lines.length > MOST || object.kind === 'default privileges' || object.kind === 'database') return undefined
  return lines.join('; ')
}

/** `wanted`: what the line says is to be so again; else it is to be so no more. */
function grantLine(object: SchemaObject, line: string, wanted: boolean): string {
  const { kind, name } = object
  const columns = kind === 'column' ? ` (${ownName(object)})` : ''
  const on = kind === 'column' ? parentOf(object) : `${tableLike.includes(kind) ? 'TABLE' : kind.toUpperCase()} ${name}`
  const [, not, who = '', what = '', option = ''] = grant.exec(line) ?? []
  const give = (not === undefined) === wanted
  return `${give ? 'GRANT' : 'REVOKE'} ${what}${columns} ON ${on} ${give ? 'TO' : 'FROM'} ${who}${give ? option : ''}`
}

const listOf = (value: Facet | undefined): string[] => (Array.isArray(value) ? value.map(String) : [])
const tableLike = ['table', 'view', 'materialized view', 'foreign table']
