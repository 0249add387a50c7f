import { relationName } from '../../sql/names.ts'
import { found, type Rule } from '../rule.ts'

export const vacuumFullBlocksReads: Rule = {
  code: 'vacuum-full-blocks-reads',
  finds: 'VACUUM FULL.',
  why: 'The table is written anew under an ACCESS EXCLUSIVE lock: nobody can read or write it, for as long as that takes. A plain VACUUM stops nobody.',
  source: 'VACUUM, FULL; 24.1.2 Recovering Disk Space',
  find({ node }) {
    if (node === undefined || !('VacuumStmt' in node) || node.VacuumStmt.is_vacuumcmd !== true) return []
    const { options = [], rels = [] } = node.VacuumStmt
    const full = options.find((each) => 'DefElem' in each && each.DefElem.defname === 'full')
    if (full === undefined || !('DefElem' in full) || isOff(full.DefElem.arg)) return []
    const names = rels.flatMap((each) => ('VacuumRelation' in each ? relationName(each.VacuumRelation.relation) : []))
    const what = names.length === 0 ? 'every table of the database' : names.join(', ')
    return [
      found(
        `writes ${what} anew while nobody can read or write it`,
        'a plain VACUUM, or pg_repack where the space has to go back',
        [`VACUUM${names.length === 0 ? '' : ` ${names.join(', ')}`};`],
      ),
    ]
  },
  examples: {
    finds: ['VACUUM FULL orders', 'VACUUM (FULL, ANALYZE) shop.orders, customers', 'VACUUM FULL'],
    passes: ['VACUUM orders', 'VACUUM (ANALYZE) orders', 'VACUUM (FULL false) orders', 'ANALYZE orders'],
  },
}

/** Options are true unless they say otherwise. */
const isOff = (arg: unknown) => arg !== undefined && /"sval":"(?:false|off)"|"ival":\{\}/i.test(JSON.stringify(arg))
