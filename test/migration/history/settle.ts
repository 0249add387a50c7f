import { newPod, toRest } from './events.ts'
import { check, type Work, type World } from './world.ts'

/** Nothing new comes, and everything is tried until nothing changes: then everybody is where they may be. */
export function settle(world: World): void {
  while (world.zombies.length > 0) for (const each of [...world.zombies]) world.runZombie(each)
  const newest = (work: Work) => work.intents.at(-1)?.token ?? 0
  const asking = world.works.filter(({ intents }) => intents.length > 0)
  for (const pod of world.pods.filter((each) => each.at !== 'serve' && each.intent.token !== newest(each.work))) {
    world.kill(pod, false)
  }
  const whys = new Map<Work, string>()
  let last = ''
  for (let i = 0; ; i++) {
    for (const work of asking) {
      if (!world.pods.some((each) => each.work === work && each.intent.token === newest(work)))
        world.pods.push(newPod(work))
      const mine = world.pods.filter((each) => each.work === work && each.intent.token === newest(work))
      for (const pod of mine) toRest(world, pod)
      whys.set(work, mine.every(({ at }) => at !== 'serve') ? (mine[0]?.why ?? '') : '')
      if (whys.get(work) !== '') continue
      const older = world.pods.filter((each) => each.work === work && each.intent.token < newest(work))
      for (const pod of older) world.kill(pod, false)
      world.grace(work)
    }
    const state = JSON.stringify([
      world.applied,
      [...world.rows.values()].map(({ low, high, stamp }) => [low, high, stamp === undefined]),
      [...whys.values()],
    ])
    if (state === last) break
    last = state
    check(i < 14, 'no-rest', () => state)
  }
  for (const work of asking) judge(world, work, whys)
  restart(world, asking, whys)
}

/** Who does not start at last is kept from it by the policy or by a neighbour, and by nothing else. */
function judge(world: World, work: Work, whys: ReadonlyMap<Work, string>): void {
  const [code = '', name] = (whys.get(work) ?? '').split(' ')
  const intent = work.intents.at(-1)
  if (intent === undefined) return
  const { target, policy, strategy } = intent
  const row = world.row(work)
  const other = world.works.find((each) => each.name === name && each !== work)
  const neighbour = other && world.rows.get(other)
  const say = () => `${work.name} wants ${target}: ${whys.get(work)}; schema ${world.applied}`
  if (code === '') {
    const left = world.applied.filter((version) => version > target && world.by.get(version) === work)
    if (policy === 'always') check(left.length === 0, 'stuck-ahead', say)
    if (policy === 'auto') check(world.floor(target, false, left) <= target, 'stuck-ahead', say)
    return
  }
  check(code !== 'superseded' && code !== 'out-of-order', 'refused', say)
  if (other !== undefined && neighbour !== undefined) {
    const [theirs, whom] = (whys.get(other) ?? '').split(' ')
    const mutual = whom === work.name && (theirs === code || neighbour.target === target)
    check(!mutual, 'deadlock', say)
  }
  if (code === 'breaks-workload') {
    const missing = world.floors.map((_, v) => v).filter((v) => v > 0 && v <= target && !world.applied.includes(v))
    const low = Math.min(neighbour?.target ?? 99, neighbour?.low ?? 99)
    check(
      missing.some((v) => (world.floors[v] ?? 0) > low),
      'refused',
      say,
    )
  }
  if (code === 'schema-ahead-incompatible' && row.reached !== undefined && row.reached > target) {
    check(strategy !== 'Recreate' && world.floor(target) > target, 'refused', say)
  } else if (code === 'schema-ahead-incompatible') check(world.floor(target, false) > target, 'refused', say)
  if (code === 'held-by-workload') {
    const lets = neighbour?.policy === 'always' || neighbour?.strategy === 'Recreate'
    const held = Math.max(neighbour?.target ?? 0, lets ? 0 : (neighbour?.high ?? 0))
    check(held > target, 'refused', say)
  }
}

/** Restarts of what serves, and pods of older intents, move nothing; the former start. */
function restart(world: World, asking: readonly Work[], whys: ReadonlyMap<Work, string>): void {
  const before = String(world.applied)
  for (const work of asking) {
    const recent = work.intents.at(-1)?.strategy === 'Recreate' ? [] : work.intents.slice(-3, -1)
    const ready = whys.get(work) === ''
    for (const intent of [...(ready ? work.intents.slice(-1) : []), ...recent]) {
      const pod = newPod(work, intent)
      world.pods.push(pod)
      toRest(world, pod)
      check(pod.at === 'serve' || recent.includes(intent), 'restart-refused', () => `${work.name}: ${pod.why}`)
      world.kill(pod, false)
    }
  }
  check(before === String(world.applied), 'restart-moves', () => `${before} became ${world.applied}`)
}
