import type { MigrationSet } from '../migration/migration.ts'
import type { ProofEntry } from '../proof/proof.ts'
import { keyId, publicKeyLine } from '../proof/signature.ts'
import type { Outcome } from '../prove/outcome.ts'
import { writeProof } from '../prove/proof-store.ts'
import { keysOf, type Task } from '../prove/tasks.ts'
import type { Output } from './output.ts'
import type { ProveRequest } from './prove-options.ts'

export interface Seen {
  readonly postgres: number
  readonly start: ProofEntry['start']
  readonly known: readonly ProofEntry[]
  readonly tasks: readonly Task[]
  readonly outcomes: readonly Outcome[]
}

/** Writes the proof, where one is asked for, and says who may check it how. */
export function keepProof(
  output: Output,
  { proof, key }: ProveRequest,
  files: MigrationSet,
  seen: Seen,
  now: Date,
): void {
  if (proof === undefined) return
  const at = `${now.toISOString().slice(0, 19)}Z`
  const { postgres, start } = seen
  const results = new Map(seen.outcomes.map((outcome) => [outcome.version, outcome.compared]))
  const entries = seen.tasks.flatMap((task): ProofEntry[] => {
    const compared = results.get(task.migration.version)
    return task.kind !== 'prove' || compared === undefined ? [] : [{ ...task.key, postgres, start, compared, at }]
  })
  writeProof(proof, entries, seen.known, keysOf(files), key)
  if (key === undefined) {
    output.say(`${proof} is not signed: namespaces with rollback-policy: proven want it signed, with --sign KEY`)
    return
  }
  output.say(`${proof} is signed with key ${keyId(key)}; lockkeeper.dev/proof-key on the namespace is its public half:`)
  output.say(publicKeyLine(key))
}
