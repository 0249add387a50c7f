import { partsOf } from '../../sql/names.ts'
import { nodesOf } from '../../sql/walk.ts'
import { found, type Rule } from '../rule.ts'

export const lockTimeoutReplaced: Rule = {
  code: 'lock-timeout-replaced',
  finds: 'SET, RESET and set_config of lock_timeout.',
  why: 'Lockkeeper bounds each wait for a lock, so that the queries that queue behind it go on soon, and tries again. A script that sets its own bound, or none (0), takes that away, and the plan no longer tells how long clients may stand still.',
  source: '20.11 Client Connection Defaults, lock_timeout',
  find({ node }) {
    if (node === undefined) return []
    const value =
      'VariableSetStmt' in node && node.VariableSetStmt.name === 'lock_timeout'
        ? settingOf(node.VariableSetStmt.args)
        : configured(node)
    if (value === undefined) return []
    const what = /^0\D*$/.test(value) ? 'waits for locks without end' : 'replaces the bound for waits for locks'
    return [
      found(
        `sets lock_timeout${value === '' ? '' : ` to ${value}`}: the script ${what}`,
        'remove it; --lock-timeout, or the annotation config.lockkeeper.dev/lock-timeout, sets the bound of the run',
      ),
    ]
  },
  examples: {
    finds: [
      'SET lock_timeout = 0',
      "SET LOCAL lock_timeout TO '5s'",
      "SELECT set_config('lock_timeout', '0', true)",
      'RESET lock_timeout',
    ],
    passes: [
      "SET statement_timeout = '5s'",
      "SELECT current_setting('lock_timeout')",
      "SELECT set_config('search_path', 'lock_timeout', true)",
    ],
  },
}

type Args = Parameters<typeof partsOf>[0]

/** The value that is set, in words; '' for the default. */
function settingOf(args: Args): string {
  const [first] = Array.isArray(args) ? args : []
  return first === undefined ? '' : constant(first)
}

function constant(node: Exclude<Args, undefined | readonly unknown[]>): string {
  if (!('A_Const' in node)) return ''
  const { ival, sval } = node.A_Const
  return sval?.sval ?? (ival === undefined ? '' : String(ival.ival ?? 0))
}

function configured(root: Parameters<typeof nodesOf>[0]): string | undefined {
  for (const node of nodesOf(root)) {
    if (!('FuncCall' in node) || partsOf(node.FuncCall.funcname).at(-1) !== 'set_config') continue
    const [name, value] = node.FuncCall.args ?? []
    if (name !== undefined && constant(name) === 'lock_timeout') return value === undefined ? '' : constant(value)
  }
  return undefined
}
