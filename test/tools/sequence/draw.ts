import { random } from '../crash.ts'
import { Hand } from './hand.ts'
import { drawScene } from './scenes.ts'
import type { Kind, Version } from './scripts.ts'

export type WorkloadName = 'a' | 'b'

/** What a person deploys. Tokens grow in the order of a sequence. */
export interface Intent {
  readonly workload: WorkloadName
  readonly target: number
  readonly token: number
  readonly onRollback: 'always' | 'auto' | 'keep'
  readonly strategy: 'RollingUpdate' | 'Recreate'
  /** Whether its files are without the mistakes that some kinds of version have. */
  readonly corrected: boolean
}

/** What happens, one after the other; runs go on meanwhile. Numbers from 0 to 1 choose among what is there then. */
export type Act =
  | { readonly kind: 'intent'; readonly intent: Intent }
  /** One more pod of the newest intent, or of an older one. */
  | { readonly kind: 'pod' | 'late'; readonly workload: WorkloadName; readonly which: number }
  /** SIGKILL or SIGTERM to a runner, or the end of its session on the server. */
  | { readonly kind: 'kill' | 'stop' | 'cut'; readonly which: number }
  /** An old snapshot on the table that is indexed, for which CONCURRENTLY waits. */
  | { readonly kind: 'reader'; readonly ms: number }
  /** A transaction that has written to that table: scripts that lock it wait until it is let go. */
  | { readonly kind: 'hold' | 'free' }
  /** Someone's trigger on the history, which swallows its rows; `pull` takes it away again. */
  | { readonly kind: 'plant' | 'pull' }
  | { readonly kind: 'wait'; readonly ms: number }
  /** Until a script runs on the server, and so long after that. */
  | { readonly kind: 'during'; readonly ms: number }
  /** Until the workload's newest pod is ready or refused. */
  | { readonly kind: 'over'; readonly workload: WorkloadName }

export interface Sequence {
  readonly seed: number
  readonly versions: readonly Version[]
  readonly acts: readonly Act[]
}

const HIGHEST = 5

const kinds: readonly Kind[] = [
  ...(['table', 'slow', 'slow', 'slow', 'breaks', 'breaks', 'unknown', 'wrong'] as const),
  ...(['index', 'index', 'alone', 'wrong-index', 'half-index', 'half', 'half-breaks'] as const),
]

/**
 * A sequence, the same for the same seed: all at random, or around a scene that is known to be hard. Undos during steps
 * are frequent.
 */
export function drawSequence(seed: number): Sequence {
  const hand = new Hand(random(seed), HIGHEST)
  const { below, one } = hand
  const versions = Array.from({ length: HIGHEST }, (_, i): Version => {
    const kind = i === 0 ? 'table' : (kinds[below(kinds.length)] ?? 'table')
    return { kind, sleep: kind === 'slow' || kind === 'breaks' ? 20 + below(260) : below(40) }
  })
  const names: readonly [WorkloadName, ...WorkloadName[]] = hand.next() < 0.3 ? ['a'] : ['a', 'b']
  if (hand.next() < 0.4) {
    drawActs(hand, names, 6 + below(12))
    return { seed, versions, acts: hand.acts }
  }
  // What the scene is about is above everything that comes before it.
  const top = 3 + below(HIGHEST - 2)
  hand.highest = top - 1
  if (hand.next() < 0.5) drawActs(hand, ['a'], 1 + below(4))
  hand.highest = HIGHEST
  const scene = drawScene(hand, top)
  if (hand.next() < 0.5) drawActs(hand, names, hand.acts.length + 1 + below(4))
  const changed = versions.map((version, i) => (i + 1 === top ? { ...version, kind: one(scene) } : version))
  return { seed, versions: changed, acts: hand.acts }
}

/** Until there are so many. */
function drawActs(hand: Hand, names: readonly [WorkloadName, ...WorkloadName[]], length: number): void {
  const { acts, below, one } = hand
  if (acts.length === 0) hand.deploy('a', 1 + below(2))
  while (acts.length < length) {
    const workload = one(names)
    const chance = hand.next()
    if (chance < 0.36) {
      hand.move(workload, hand.targets[workload] === 0 ? 1 + below(2) : one([-2, -1, 0, 1, 1, 2, 3]))
      if (hand.next() < 0.6) {
        acts.push({ kind: 'during', ms: below(60) })
        hand.move(workload, one([-1, -1, -2, 0]))
      }
    } else if (chance < 0.5) acts.push({ kind: 'pod', workload, which: hand.next() })
    else if (chance < 0.62) acts.push({ kind: 'late', workload, which: hand.next() })
    else if (chance < 0.76) acts.push({ kind: one(['kill', 'kill', 'stop', 'cut', 'cut']), which: hand.next() })
    else if (chance < 0.79 && names.length > 1) {
      // A neighbour gets ready during a step.
      hand.move(workload, one([1, 2]))
      acts.push({ kind: 'during', ms: 0 })
      hand.move(workload === 'a' ? 'b' : 'a', one([-1, 0, 0]))
    } else if (chance < 0.83) acts.push({ kind: 'reader', ms: 100 + below(300) })
    else if (chance < 0.9) {
      if (hand.next() < 0.8) {
        hand.move(workload, one([1, 2]))
        acts.push({ kind: 'during', ms: 0 })
      }
      acts.push({ kind: 'plant' }, { kind: 'wait', ms: 50 + below(300) }, { kind: 'pull' })
    } else acts.push({ kind: 'wait', ms: below(200) })
  }
}
