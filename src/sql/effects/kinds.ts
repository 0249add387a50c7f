import type { Node, ObjectType } from 'libpg-query'
import { ident, listName, nameOf, partsOf, unsizedType } from '../names.ts'
import { type Thing, thing } from './effect.ts'

/** Kinds that share one space of names, or that people do not keep apart, are one. */
const KINDS: Readonly<Record<string, string>> = {
  OBJECT_MATVIEW: 'materialized view',
  OBJECT_PROCEDURE: 'function',
  OBJECT_ROUTINE: 'function',
  OBJECT_DOMAIN: 'type',
  OBJECT_TABCONSTRAINT: 'constraint',
  OBJECT_STATISTIC_EXT: 'statistics',
  OBJECT_FDW: 'foreign data wrapper',
  OBJECT_FOREIGN_SERVER: 'server',
}

export const kindOf = (type: ObjectType | undefined): string =>
  KINDS[type ?? ''] ?? (type ?? '').replace('OBJECT_', '').toLowerCase().replaceAll('_', ' ')

/** What belongs to a table, and carries its name. */
const ofTable: ReadonlySet<string> = new Set(['trigger', 'policy', 'rule', 'constraint'])

/** The thing that DROP, COMMENT, ALTER … OWNER and others name. */
export function thingOf(type: ObjectType | undefined, object: Node): Thing {
  const kind = kindOf(type)
  if (ofTable.has(kind)) {
    const parts = partsOf(object)
    return thing(kind, `${nameOf(...parts.slice(0, -1))}.${ident(parts.at(-1) ?? '')}`)
  }
  if ('ObjectWithArgs' in object && kind === 'function') {
    const { objargs = [], args_unspecified: any } = object.ObjectWithArgs
    const types = objargs.map((each) => unsizedType('TypeName' in each ? each.TypeName : undefined))
    return thing(kind, `${listName(object)}${any === true ? '' : `(${types.join(', ')})`}`)
  }
  return thing(kind, listName(object))
}
