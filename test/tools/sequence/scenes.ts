import type { WorkloadName } from './draw.ts'
import type { Hand } from './hand.ts'
import type { Kind } from './scripts.ts'

type Kinds = readonly [Kind, ...Kind[]]

/** A hard scene about the version `top`, which nothing reached yet; the kinds that this version may have. */
export function drawScene(hand: Hand, top: number): Kinds {
  // Where everything is at rest, at first.
  const start = top - (hand.next() < 0.75 ? 1 : 2)
  hand.deploy('a', start, true)
  hand.acts.push({ kind: 'over', workload: 'a' })
  return hand.one([undone, neighbour, swallowed, half, half])(hand, top, start)
}

/** An undo while the step runs: who asked for it must not commit it any more. */
function undone(hand: Hand, top: number, start: number): Kinds {
  stepUnder(hand, top, () => {
    hand.deploy('a', start - (hand.next() < 0.2 ? 1 : 0))
    hand.acts.push({ kind: 'over', workload: 'a' })
    if (hand.next() < 0.3) hand.acts.push({ kind: 'late', workload: 'a', which: hand.next() })
  })
  return ['slow', 'slow', 'breaks', 'index', 'alone']
}

/** A neighbour of an old release gets ready while the step runs, which is known to break it. */
function neighbour(hand: Hand, top: number, start: number): Kinds {
  stepUnder(hand, top, () => {
    // It may have wanted more before.
    if (hand.next() < 0.2) hand.deploy('b', top)
    hand.deploy('b', 1 + hand.below(start))
    hand.acts.push({ kind: 'over', workload: 'b' })
  })
  return ['breaks', 'breaks', 'half-breaks']
}

/** The row of the step never comes into the history. */
function swallowed(hand: Hand, top: number): Kinds {
  stepUnder(hand, top, () => hand.acts.push({ kind: 'plant' }))
  hand.acts.push({ kind: 'over', workload: 'a' }, { kind: 'pull' })
  return ['slow', 'breaks']
}

/** The version is left half done, and then wanted, or not, by one workload or the other. */
function half(hand: Hand, top: number, start: number): Kinds {
  const { acts } = hand
  const byMistake = hand.next() < 0.6
  if (byMistake) {
    // No other mistake comes before this one.
    hand.deploy('a', top - 1, true)
    acts.push({ kind: 'over', workload: 'a' })
    hand.deploy('a', top, false)
  } else {
    stepUnder(hand, top, () => acts.push({ kind: hand.one(['kill', 'kill', 'cut']), which: hand.next() }))
  }
  acts.push({ kind: 'over', workload: 'a' })
  const then = (workload: WorkloadName, target: number, corrected?: boolean) => {
    hand.deploy(workload, target, corrected)
    acts.push({ kind: 'over', workload })
  }
  const turn = hand.next()
  if (turn < 0.35) then('a', 1 + hand.below(start))
  else if (turn < 0.65) {
    // It is finished all the same, though it is in the way of a neighbour by now.
    then('b', 1 + hand.below(start))
    then('a', top, true)
    return ['half-breaks']
  } else {
    for (let more = 1 + hand.below(3); more > 0; more--) {
      const wanted = hand.next() < 0.5
      then(hand.one(['a', 'a', 'b']), wanted ? top + hand.below(2) : 1 + hand.below(start), wanted || undefined)
    }
  }
  return byMistake
    ? ['half', 'half-breaks', 'half-breaks', 'half-index']
    : ['index', 'alone', 'half-breaks', 'half-index']
}

/** So much happens while the step of `a` is on its way. */
function stepUnder(hand: Hand, top: number, meanwhile: () => void): void {
  hand.acts.push({ kind: 'hold' })
  hand.deploy('a', top, true)
  hand.acts.push({ kind: 'during', ms: hand.below(40) })
  meanwhile()
  hand.acts.push({ kind: 'free' })
}
