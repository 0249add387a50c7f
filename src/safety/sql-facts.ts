import type { SqlFacts } from '../migration/sql-facts.ts'
import type { Parse } from '../sql/parser.ts'
import { remembering } from '../sql/remembering.ts'
import { Floors } from './compatibility/floors.ts'
import { type JudgedSet, judge } from './judge.ts'

export interface SqlFactsOptions {
  readonly parse: Parse
  /** Migrations above it are one release, see `judge`. */
  readonly since?: string
}

/** UTF-16 units of SQL whose trees are kept while one set is read twice: by the rules, and for its floors. */
const ROOM = 100_000

/**
 * What the SQL of a set says, and the floors that are known. Its findings are warnings here, but for a down script that is
 * not valid SQL: that is no rollback script.
 */
export function sqlFacts(set: JudgedSet, { parse: read, since }: SqlFactsOptions): SqlFacts {
  const parse = remembering(read, ROOM)
  const { findings } = judge(set, { parse, briefly: true, ...(since !== undefined && { since }) })
  const floors = new Floors(set.migrations, parse)
  const known = set.migrations.flatMap(({ kind, version }) => {
    const floor = kind === 'versioned' ? floors.of(version)?.floor : undefined
    return floor === undefined ? [] : [[version, floor]]
  })
  return {
    floors: Object.fromEntries(known),
    findings: findings.map((finding) =>
      finding.code === 'sql-rejected' ? finding : { ...finding, severity: 'warning' },
    ),
  }
}
