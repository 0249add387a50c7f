import type { OnRollback } from '../../../src/contract.ts'
import { settle } from './settle.ts'
import { type Pod, type Rules, TOP, Violation, type Work, World } from './world.ts'

/** A random number generator that a seed replays (mulberry32). */
export function randomOf(seed: number): (below: number) => number {
  let a = seed | 0
  return (below) => {
    a = (a + 0x6d2b79f5) | 0
    let t = Math.imul(a ^ (a >>> 15), 1 | a)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 4_294_967_296) * below)
  }
}

export const newPod = (work: Work, intent = work.intents.at(-1)): Pod => {
  if (intent === undefined) throw new Error('nothing is asked for')
  return { work, intent, at: 'new', step: undefined, rest: [], epoch: 0, why: '' }
}

type Event = readonly [what: string, a: number, b: number]
const weights = {
  intent: 9,
  new: 13,
  late: 6,
  step: 18,
  run: 20,
  until: 16,
  retire: 9,
  kill: 4,
  grace: 5,
  lost: 2,
  rollout: 10,
}
const bag = Object.entries(weights).flatMap(([what, n]) => Array<string>(n).fill(what))

function eventsOf(seed: number): Event[] {
  const random = randomOf(seed * 2 + 1)
  const one = (): Event => [bag[random(bag.length)] ?? '', random(999), random(999)]
  return [['intent', 0, random(999)], ...Array.from({ length: 10 + random(50) }, one)]
}

const pick = <T>(list: readonly T[], n: number): T | undefined => list[n % Math.max(1, list.length)]

function worldOf(seed: number, rules: Rules, log?: string[]): World {
  const random = randomOf(seed)
  const floors = Array.from({ length: TOP + 1 }, (_, version) =>
    pick([0, 0, 0, version, version, random(version + 1), undefined], random(7)),
  )
  const work = (name: string): Work => ({
    name,
    policy: pick<OnRollback>(['auto', 'auto', 'auto', 'always', 'keep'], random(5)) ?? 'auto',
    strategy: pick(['RollingUpdate', 'RollingUpdate', 'RollingUpdate', 'Recreate'], random(4)) ?? '',
    intents: [],
    low: 0,
  })
  return new World(random(4) === 0 ? [work('only')] : [work('alpha'), work('beta')], floors, rules, log)
}

/** One run to where it cannot go on by itself. */
export function toRest(world: World, pod: Pod, most = 60): void {
  for (let i = 0; i < most && world.pods.includes(pod) && pod.at !== 'serve'; i++) {
    const looked = pod.at === 'look'
    world.advance(pod)
    if (looked && pod.at === 'look' && pod.why !== '') return
  }
}

function intend(world: World, work: Work, a: number, b: number): void {
  const last = work.intents.at(-1)
  const change = last === undefined ? 1 + (b % 2) : (pick([-2, -1, -1, 0, 1, 1, 2], b) ?? 0)
  const target = Math.max(1, Math.min(TOP, (last?.target ?? 0) + change))
  if (a % 10 === 3) work.policy = pick<OnRollback>(['auto', 'always', 'keep'], b) ?? 'auto'
  if (a % 13 === 5) work.strategy = pick(['RollingUpdate', 'Recreate'], b) ?? ''
  const { policy, strategy } = work
  const token = 1 + Math.max(0, ...world.works.flatMap(({ intents }) => intents.map((each) => each.token)))
  const files = last === undefined || target >= last.target || !world.applied.includes(target) || a % 3 === 0
  work.intents.push({ target, token, policy, strategy, files })
  world.log?.push(`INTENT ${work.name} ${target} token ${token} ${policy} ${strategy}`)
  if (strategy !== 'Recreate') return
  for (const pod of world.pods.filter((each) => each.work === work)) world.kill(pod, a % 2 === 1)
}

function happen(world: World, [what, a, b]: Event): void {
  const work = pick(world.works, a)
  if (work === undefined) return
  const waiting = world.pods.filter(({ at }) => at !== 'serve')
  const newest = work.intents.at(-1)
  if (what === 'intent') intend(world, work, a >> 1, b)
  else if (what === 'grace') world.grace(work)
  else if (newest === undefined) return
  else if (what === 'new' && world.pods.length < 10) world.pods.push(newPod(work))
  else if (what === 'late' && world.pods.length < 10) {
    // An old ReplicaSet is scaled by hand, or by an abort; not across a Recreate, which ended them.
    const since = work.intents.findLastIndex(({ strategy }) => strategy === 'Recreate')
    const pod = newPod(work, pick(work.intents.slice(Math.max(0, since)), b))
    world.pods.push(pod)
    if (b % 2 === 1) toRest(world, pod)
  } else if (what === 'step' || what === 'run') {
    const pod = pick([...waiting, ...world.zombies], a)
    const moves = what === 'step' ? 1 : 2 + (b % 14)
    for (let i = 0; pod !== undefined && i < moves; i++) {
      if (world.zombies.includes(pod)) world.runZombie(pod)
      else if (world.pods.includes(pod)) world.advance(pod)
    }
  } else if (what === 'until') {
    const pod = pick(waiting, a)
    const place = pick(['start', 'trailer', 'trailer', 'trailer'], b)
    for (let i = 0; pod !== undefined && i < 20 && pod.at !== place && pod.at !== 'serve'; i++) world.advance(pod)
  } else if (what === 'retire') retire(world, pick(world.pods, b), a, b)
  else if (what === 'kill') {
    const pod = pick(waiting, a)
    if (pod !== undefined) world.kill(pod, b % 3 > 0)
  } else if (what === 'lost' && world.lock?.at === 'trailer' && world.pods.includes(world.lock)) {
    const pod = world.lock
    if (b % 2 === 1) world.trailer(pod)
    world.free(pod)
    Object.assign(pod, { at: 'new', step: undefined, rest: [] })
  } else if (what === 'rollout' && world.pods.length < 9) rollout(world, work, b)
}

/** A rolling update takes an older pod away, or a node dies. */
function retire(world: World, pod: Pod | undefined, a: number, b: number): void {
  if (pod === undefined) return
  const { token } = pod.work.intents.at(-1) ?? pod.intent
  const ready = world.pods.some((each) => each.at === 'serve' && each.intent.token === token && each.work === pod.work)
  if (pod.intent.token === token ? a % 4 > 0 : a % 8 > 0 && !ready) return
  world.kill(pod, b % 2 === 1)
}

/** A rollout that goes through. */
function rollout(world: World, work: Work, b: number): void {
  const pod = newPod(work)
  world.pods.push(pod)
  toRest(world, pod, 20 + (b % 20))
  if (pod.at !== 'serve' || b % 5 === 0) return
  const older = world.pods.filter((each) => each.work === work && each.intent.token < pod.intent.token)
  for (const each of older) world.kill(each, b % 2 === 1)
  if (b % 3 > 0) world.grace(work)
}

function play(seed: number, events: readonly Event[], rules: Rules, log?: string[]): void {
  const world = worldOf(seed, rules, log)
  for (const event of events) happen(world, event)
  settle(world)
}

/** What is wrong after these events; undefined: nothing. */
function wrong(seed: number, events: readonly Event[], rules: Rules, log?: string[]): string | undefined {
  try {
    play(seed, events, rules, log)
    return undefined
  } catch (error) {
    if (!(error instanceof Violation)) throw error
    log?.push(error.message)
    return error.message.split(':')[0]
  }
}

/** The first history, from a seed on, that the rules do wrong: its seed, and what happened, as short as it can be. */
export function firstWrong(
  rules: Rules,
  from: number,
  count: number,
): { seed: number; kind: string; story: string } | undefined {
  for (let seed = from; seed < from + count; seed++) {
    let events = eventsOf(seed)
    const kind = wrong(seed, events, rules)
    if (kind === undefined) continue
    for (let size = events.length >> 1; size > 0; size >>= 1) {
      for (let at = 0; at < events.length; ) {
        const less = events.toSpliced(at, size)
        if (wrong(seed, less, rules) === kind) events = less
        else at += size
      }
    }
    const log: string[] = []
    wrong(seed, events, rules, log)
    return { seed, kind, story: log.filter((line, i) => line !== log[i - 1]).join('\n') }
  }
  return undefined
}
