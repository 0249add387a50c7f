import { LIMITS } from '../../limits.ts'
import type { Thing } from '../../sql/effects/effect.ts'
import type { Schema } from '../../sql/schema.ts'
import type { ReadScript } from '../../sql/statement.ts'
import { type Judged, judgedOf } from '../judged.ts'
import { pairOf } from './pair.ts'
import { rollbackRules } from './rollback-rules.ts'

/**
 * What a down script does, matched against its up. `schema`: what is known before the up script;
 * `repeated`: what repeatable migrations make, which a down script may drop. A pair of which a
 * statement could not be read is not matched: that statement may be the one that is missed.
 */
export function judgeRollback(up: ReadScript, down: ReadScript, schema: Schema, repeated: readonly Thing[]): Judged[] {
  if (up.unread.length > 0 || down.unread.length > 0 || down.statements.length === 0) return []
  const statements = up.statements.length + down.statements.length
  if (statements > LIMITS.matchedStatements.value) return [tooMany(down, statements)]
  const pair = pairOf(up, down, schema, repeated)
  return rollbackRules.flatMap((rule) =>
    rule.find(pair).map((found) => {
      const { script } = found.in === 'up' ? up : down
      return judgedOf(rule.code, script, found.statement, { ...found, severity: rule.severity })
    }),
  )
}

const tooMany = ({ script }: ReadScript, found: number): Judged =>
  judgedOf('too-many-statements', script, undefined, {
    message: `and its up script have ${found} statements together, too many to be matched (${LIMITS.matchedStatements.value})`,
    fix: 'make several migrations of it, or look yourself at whether it takes all of it back',
    sql: [],
  })
