import type { Act, Intent, Sequence, WorkloadName } from './draw.ts'
import type { Kind } from './scripts.ts'

/** The shortest sequences in which a promise was broken once, each about its second version. */
export const shortest: readonly Sequence[] = [
  // Who is superseded must not commit the step that it is in.
  made('slow', [...under([to('a', 1), ready('a')])]),
  // A neighbour that gets ready during a step must not be broken by it.
  made('breaks', [...under([to('b', 1), ready('b')])]),
  // Nor while the first of its statements runs, which stays.
  made('alone', [...under([to('a', 1), ready('a')])]),
  made('half-breaks', [...under([to('b', 1), ready('b')])]),
  // What the history does not keep is not applied.
  made('slow', [...under([{ kind: 'plant' }]), ready('a'), { kind: 'pull' }]),
  // What is half done above a lowering target is taken back.
  made('half', [to('a', 2, 'mistake'), ready('a'), to('a', 1), ready('a')]),
  // What is half done, and wanted, is finished whoever it stands in the way of by now.
  made('half-breaks', [to('a', 2, 'mistake'), ready('a'), to('b', 1), ready('b'), to('a', 2), ready('a')]),
]

function made(kind: Kind, acts: readonly Act[]): Sequence {
  const all: readonly Act[] = [to('a', 1), ready('a'), ...acts]
  const versions = [
    { kind: 'table', sleep: 0 },
    { kind, sleep: 50 },
  ] as const
  // Tokens grow in the order of the acts.
  return {
    seed: 0,
    versions,
    acts: all.map((act, i) => (act.kind === 'intent' ? { ...act, intent: { ...act.intent, token: i + 1 } } : act)),
  }
}

/** While the second version's step is on its way. */
function under(acts: readonly Act[]): Act[] {
  return [{ kind: 'hold' }, to('a', 2), { kind: 'during', ms: 0 }, ...acts, { kind: 'free' }]
}

function to(workload: WorkloadName, target: number, mistake?: 'mistake'): Act {
  const intent: Intent = {
    ...{ workload, target, token: 0, corrected: mistake === undefined },
    ...{ onRollback: 'always', strategy: 'RollingUpdate' },
  }
  return { kind: 'intent', intent }
}

function ready(workload: WorkloadName): Act {
  return { kind: 'over', workload }
}
