import type { Node } from 'libpg-query'
import { definitionOf } from '../definition.ts'
import { ident, listName, nameOf, partsOf, relationName } from '../names.ts'
import { type Effect, thing } from './effect.ts'
import { kindOf } from './kinds.ts'
import { make, optionOf } from './make.ts'

/** Things that are little more than a name. */
export function nameEffects(node: Node): Effect[] | undefined {
  if ('CreateSeqStmt' in node) {
    const { sequence, options, if_not_exists: ifMissing } = node.CreateSeqStmt
    const owner = partsOf(optionOf(options, 'owned_by')?.arg)
    const within = owner.length > 1 ? [thing('table', nameOf(...owner.slice(0, -1)))] : []
    return [make('sequence', relationName(sequence), { within, ifMissing })]
  }
  if ('CreateEnumStmt' in node) {
    const { typeName, vals } = node.CreateEnumStmt
    return [make('type', listName(typeName), { properties: { values: partsOf(vals).map(ident).join(' ') } })]
  }
  if ('CompositeTypeStmt' in node) {
    const { typevar, coldeflist } = node.CompositeTypeStmt
    return [make('type', relationName(typevar), { properties: { definition: definitionOf(coldeflist) } })]
  }
  if ('CreateRangeStmt' in node) return [make('type', listName(node.CreateRangeStmt.typeName))]
  if ('CreateDomainStmt' in node) {
    const { domainname, ...rest } = node.CreateDomainStmt
    return [make('type', listName(domainname), { properties: { definition: definitionOf(rest) } })]
  }
  if ('CreateExtensionStmt' in node) {
    const { extname = '', if_not_exists: ifMissing } = node.CreateExtensionStmt
    return [make('extension', ident(extname), { ifMissing })]
  }
  if ('DefineStmt' in node) {
    const { kind, defnames, replace, if_not_exists: ifMissing } = node.DefineStmt
    return [make(kindOf(kind), listName(defnames), { replace, ifMissing })]
  }
  if ('CreateStatsStmt' in node) {
    const { defnames, relations = [], if_not_exists: ifMissing } = node.CreateStatsStmt
    const within = relations.flatMap((each) =>
      'RangeVar' in each ? [thing('table', relationName(each.RangeVar))] : [],
    )
    return [make('statistics', listName(defnames), { within, ifMissing })]
  }
  if ('CreatePublicationStmt' in node) return [make('publication', ident(node.CreatePublicationStmt.pubname ?? ''))]
  if ('CreateSubscriptionStmt' in node) return [make('subscription', ident(node.CreateSubscriptionStmt.subname ?? ''))]
  if ('CreateEventTrigStmt' in node) return [make('event trigger', ident(node.CreateEventTrigStmt.trigname ?? ''))]
  if ('CreateFdwStmt' in node) return [make('foreign data wrapper', ident(node.CreateFdwStmt.fdwname ?? ''))]
  if ('CreateForeignServerStmt' in node) return [make('server', ident(node.CreateForeignServerStmt.servername ?? ''))]
  if ('CreatedbStmt' in node) return [make('database', ident(node.CreatedbStmt.dbname ?? ''))]
  return undefined
}
