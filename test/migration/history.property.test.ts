import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { OnRollback } from '../../src/contract.ts'
import { type Decision, decide } from '../../src/migration/decide.ts'
import { holdOf } from '../../src/migration/hold.ts'

const TOP = 4
interface Row {
  target: number
  token: number
  reached: number | null
}
interface Work {
  readonly name: string
  readonly onRollback: OnRollback
  readonly strategy: string
  readonly intents: { target: number; token: number }[]
  /** Pods that serve, as `target/token`. */
  serving: Set<string>
}

/** Two workloads on one database, driven by the real decision. */
class World {
  readonly rows = new Map<string, Row>()
  readonly works: readonly Work[]
  readonly compatible: readonly boolean[]
  live = 0
  #clock = 0

  constructor(works: readonly Work[], compatible: readonly boolean[]) {
    this.works = works
    this.compatible = compatible
  }

  intend(work: Work, target: number): void {
    work.intents.push({ target, token: ++this.#clock })
    if (work.strategy === 'Recreate') work.serving.clear()
  }

  decide(work: Work, target: number, token: number): Decision {
    const row = this.rows.get(work.name) ?? { target, token, reached: null }
    return decide({
      mode: 'migrate',
      target: String(target),
      token,
      onRollback: work.onRollback,
      strategy: work.strategy,
      outOfOrder: false,
      recorded: {
        target: String(row.target),
        token: row.token,
        reached: row.reached === null ? null : String(row.reached),
      },
      applied: Array.from({ length: this.live }, (_, i) => ({
        version: String(i + 1),
        floor: this.compatible[i + 1] ? '0' : null,
        reversible: true,
      })),
      files: Array.from({ length: target }, (_, i) => ({ version: String(i + 1) })),
      others: this.works
        .filter((other) => other !== work)
        .flatMap((other) => {
          const held = this.rows.get(other.name)
          if (held === undefined) return []
          const holds = holdOf({
            target: String(held.target),
            reached: held.reached === null ? null : String(held.reached),
            onRollback: other.onRollback,
            strategy: other.strategy,
          })
          return [{ cluster: 'c', workload: other.name, holds, sameCluster: true }]
        }),
    })
  }

  /** One init container from start to end. */
  start(work: Work, { target, token }: { target: number; token: number }, fails: boolean): Decision['kind'] {
    const known = this.rows.get(work.name)
    if (known === undefined) this.rows.set(work.name, { target, token, reached: null })
    else if (token > known.token) Object.assign(known, { target, token })
    const row = this.rows.get(work.name)
    if (row === undefined) throw new Error('no row')
    const late = known !== undefined && token < known.token
    const restarted = work.serving.has(`${target}/${token}`)
    for (let i = 0; i < 20; i++) {
      const decision = this.decide(work, target, token)
      const before = this.live
      if (decision.kind === 'start') {
        expect(this.live).toBeGreaterThanOrEqual(target)
        if (token === row.token) {
          row.reached = target
          work.serving = new Set([`${target}/${token}`])
        } else if (!late) work.serving.add(`${target}/${token}`)
        return 'start'
      }
      if (decision.kind === 'wait' || decision.kind === 'refuse') return decision.kind
      expect(late, 'a late pod moves nothing').toBe(false)
      if (decision.kind === 'up') {
        if (fails) return 'refuse'
        this.live = Number(decision.steps[0])
        row.reached = Math.max(row.reached ?? 0, this.live)
      } else {
        expect(restarted, 'a restarted pod takes nothing down').toBe(false)
        this.live -= 1
        this.#nobodyLosesItsSchema(work)
      }
      expect(Math.abs(this.live - before)).toBe(1)
    }
    throw new Error('no end')
  }

  #nobodyLosesItsSchema(mover: Work): void {
    for (const other of this.works) {
      if (other === mover || other.onRollback === 'always' || other.strategy === 'Recreate') continue
      for (const pod of other.serving)
        expect(Number(pod.split('/')[0]), `${other.name} serves`).toBeLessThanOrEqual(this.live)
    }
  }
}

const work = (name: string) =>
  fc
    .record({
      onRollback: fc.constantFrom<OnRollback>('auto', 'always', 'keep'),
      strategy: fc.constantFrom('RollingUpdate', 'Recreate'),
    })
    .map(
      (given): Work => ({
        name,
        ...given,
        intents: [],
        serving: new Set(),
      }),
    )
const event = fc.record({
  who: fc.nat(1),
  what: fc.constantFrom('intend', 'start', 'start', 'late', 'restart'),
  change: fc.constantFrom(-2, -1, 0, 1, 1),
  pick: fc.nat(20),
  fails: fc.boolean(),
})

test('no history of two workloads lets a pod start without its schema, or a late or restarted one move anything', () => {
  fc.assert(
    fc.property(
      fc.tuple(work('a'), work('b')),
      fc.array(fc.boolean(), { minLength: TOP + 1, maxLength: TOP + 1 }),
      fc.array(event, { maxLength: 25 }),
      (works, compatible, events) => {
        const world = new World(
          works.map((each) => ({ ...each, intents: [], serving: new Set<string>() })),
          compatible,
        )
        for (const { who, what, change, pick, fails } of events) {
          const each = world.works[who]
          if (each === undefined) continue
          const last = each.intents.at(-1)
          if (what === 'intend' || last === undefined)
            world.intend(each, Math.max(1, Math.min(TOP, (last?.target ?? 1) + change)))
          else if (what === 'start') world.start(each, last, fails)
          else if (what === 'late') world.start(each, each.intents[pick % each.intents.length] ?? last, false)
          else {
            const pod = [...each.serving][pick % Math.max(1, each.serving.size)]
            const [target, token] = (pod ?? '').split('/').map(Number)
            if (target !== undefined && token !== undefined) world.start(each, { target, token }, false)
          }
        }
        // Every current intent is tried until nothing changes; then every pod restarts, and nothing may move.
        for (let i = 0; i < 12; i++)
          for (const each of world.works) {
            const last = each.intents.at(-1)
            if (last !== undefined) world.start(each, last, false)
          }
        const settled = world.live
        for (const each of world.works)
          for (const pod of [...each.serving]) {
            const [target = 0, token = 0] = pod.split('/').map(Number)
            world.start(each, { target, token }, false)
          }
        expect(world.live).toBe(settled)
      },
    ),
    { numRuns: 20_000 },
  )
}, 120_000)
