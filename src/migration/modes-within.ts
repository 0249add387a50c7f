import type { Complaint } from './lines.ts'
import { isAlone, type StatementKind } from './statement-kind.ts'
import type { Statement } from './statements.ts'
import { type ModeChange, type Modes, modeChangeOf, takesNoSnapshot } from './transaction-modes.ts'

type SetStatement = Statement & { readonly kind: StatementKind }

export interface ModesWithin {
  readonly modes: Modes
  /** Statements that say it, and go into BEGIN. */
  readonly taken: readonly SetStatement[]
  readonly refused: readonly (readonly [SetStatement, Complaint])[]
  /** Offset of the statement that says READ ONLY. */
  readonly readOnly: number | undefined
}

/**
 * What statements of a script say of the transaction that they run in. Our own questions come before them, so the server
 * would refuse it there; in BEGIN it means the same. Without a BEGIN of its own, what a script sets for the later
 * transactions of its session counts for the one around it.
 */
export function modesWithin(text: string, statements: readonly SetStatement[], outer: boolean): ModesWithin {
  const alone = !outer && statements.some(({ kind }) => isAlone(kind))
  const taken: SetStatement[] = []
  const refused: [SetStatement, Complaint][] = []
  let modes: Modes = {}
  let readOnlyAt: number | undefined
  let early = true
  for (const statement of statements) {
    const { words, start, end } = statement
    const change = words[0] === 'set' ? modeChangeOf(text.slice(start, end)) : undefined
    if (change === undefined || (change.of === 'later' && (outer || alone))) early &&= takesNoSnapshot(words)
    else {
      const problem = modeProblem(change, early, alone)
      if (problem !== undefined) refused.push([statement, problem])
      else modes = { ...modes, ...change.modes }
      if (change.modes.access === 'read only') readOnlyAt = start
      if (change.of === 'transaction') taken.push(statement)
    }
  }
  return { modes, taken, refused, readOnly: readOnlyAt }
}

function modeProblem({ of, modes, snapshot }: ModeChange, early: boolean, alone: boolean): Complaint | undefined {
  const what = of === 'transaction' ? 'SET TRANSACTION' : 'SET SESSION CHARACTERISTICS'
  if (snapshot) return ['SET TRANSACTION SNAPSHOT', 'remove it: the runner opens the transaction, before the script']
  if (alone) return [`${what} in a script that runs statement by statement, where it changes nothing`, 'remove it']
  if (!early) return [`${what} behind statements that it cannot count for`, 'make it the first statement of the script']
  if (modes.unknown)
    return [`${what} with a value that is not known`, 'write SET TRANSACTION ISOLATION LEVEL and a level']
  return undefined
}
