import type { Allowed } from '../migration/directives.ts'
import type { Finding } from '../migration/finding.ts'
import type { ReadScript, Statement } from '../sql/statement.ts'
import { allowancesOf } from './allow.ts'
import type { Judged } from './judged.ts'
import { type RepairedScript, repairedScript } from './repair.ts'

export interface Settled {
  readonly finding: Finding
  /** Its fix without SQL. */
  readonly brief: string
  /** Why a comment allows it, if one does. Only warnings can be allowed. */
  readonly reason: string | undefined
  /** Its script put right, where that takes no decision. */
  readonly repaired: readonly RepairedScript[]
}

/** The findings about the scripts of a migration, in the order of the scripts. `version`: '' for one without. */
export function settle(version: string, scripts: readonly ReadScript[], judged: readonly Judged[]): Settled[] {
  const places = new Map<Statement, { order: number; script: ReadScript['script']; said: readonly Allowed[] }>()
  for (const read of scripts) {
    const allowances = allowancesOf(read)
    for (const statement of read.statements) {
      places.set(statement, { order: places.size, script: read.script, said: allowances.get(statement) ?? [] })
    }
  }
  // What is said of a whole script is said of the down, before its first statement.
  const whole = (scripts[0]?.statements.length ?? 0) - 0.5
  const placeOf = ({ statement }: Judged) => (statement === undefined ? undefined : places.get(statement))
  return judged
    .toSorted((a, b) => (placeOf(a)?.order ?? whole) - (placeOf(b)?.order ?? whole))
    .map((each) => {
      const { script, said = [] } = placeOf(each) ?? {}
      const finding = version === '' ? each.finding : { ...each.finding, version }
      const allowed = finding.severity === 'warning' ? said.find(({ code }) => code === finding.code) : undefined
      const repaired = script && each.repair ? repairedScript(script, finding, each.repair) : []
      return { finding, brief: each.brief ?? finding.fix, reason: allowed?.reason, repaired }
    })
}
