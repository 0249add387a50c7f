import { relationName } from '../../sql/names.ts'
import { found, type Rule } from '../rule.ts'
import { isInUse } from '../scene.ts'

export const reindexBlocksWrites: Rule = {
  code: 'reindex-blocks-writes',
  finds: 'REINDEX without CONCURRENTLY.',
  why: 'Nobody can write to the table until the index is built, and queries that would use it wait too.',
  source: 'REINDEX, Rebuilding Indexes Concurrently',
  find({ node }, scene) {
    if (node === undefined || !('ReindexStmt' in node)) return []
    const { kind = '', relation, name, params = [] } = node.ReindexStmt
    const concurrent = params.find((each) => 'DefElem' in each && each.DefElem.defname === 'concurrently')
    if (concurrent !== undefined && !/"(?:false|off)"/.test(JSON.stringify(concurrent))) return []
    const target = relation === undefined ? (name ?? '') : relationName(relation)
    const what = kind.replace('REINDEX_OBJECT_', '')
    if (what === 'TABLE' && !isInUse(scene, target)) return []
    const message = `builds ${what === 'INDEX' ? `index ${target}` : `the indexes of ${`${what.toLowerCase()} ${target}`.trim()}`} anew, and nobody can write meanwhile`
    if (what === 'SYSTEM')
      return [
        found(message, 'run it in single-user mode, or not at all: CONCURRENTLY cannot touch the system catalogs'),
      ]
    return [
      found(message, 'in a migration of its own', [
        `REINDEX ${what} CONCURRENTLY${target === '' ? '' : ` ${target}`};`,
      ]),
    ]
  },
  examples: {
    finds: [
      'REINDEX INDEX orders_note',
      'REINDEX (VERBOSE) TABLE shop.orders',
      'REINDEX SCHEMA shop',
      'REINDEX (CONCURRENTLY false) TABLE orders',
    ],
    passes: [
      'REINDEX INDEX CONCURRENTLY orders_note',
      'REINDEX (VERBOSE, CONCURRENTLY) TABLE orders',
      'CREATE TABLE copy (id int PRIMARY KEY); REINDEX TABLE copy',
    ],
  },
}
