import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { OnRollback } from '../../src/contract.ts'
import { type Decision, type DecisionInput, decide } from '../../src/migration/decide.ts'
import { type HoldRow, holdOf } from '../../src/migration/hold.ts'

const TOP = 4
const HISTORIES = 300_000
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

/** The two rules under test: what a run does, and what a row holds. */
interface Rules {
  readonly decide: (input: DecisionInput) => Decision
  readonly holdOf: (row: HoldRow) => string
}
const real: Rules = { decide, holdOf }

/** Two workloads on one database, driven by the rules. */
class World {
  readonly rows = new Map<string, Row>()
  readonly works: readonly Work[]
  readonly compatible: readonly boolean[]
  readonly rules: Rules
  live = 0
  #clock = 0

  constructor(works: readonly Work[], compatible: readonly boolean[], rules: Rules) {
    this.works = works
    this.compatible = compatible
    this.rules = rules
  }

  intend(work: Work, target: number): void {
    work.intents.push({ target, token: ++this.#clock })
    if (work.strategy === 'Recreate') work.serving.clear()
  }

  decide(work: Work, target: number, token: number): Decision {
    const row = this.rows.get(work.name) ?? { target, token, reached: null }
    return this.rules.decide({
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
          return [{ cluster: 'c', workload: other.name, holds: this.holds(other, held), sameCluster: true }]
        }),
    })
  }

  holds({ onRollback, strategy }: Work, { target, reached }: Row): string {
    const row = { target: String(target), reached: reached === null ? null : String(reached), onRollback, strategy }
    return this.rules.holdOf(row)
  }

  /** One init container from start to end. */
  start(work: Work, { target, token }: { target: number; token: number }, fails: boolean): string {
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
      if (decision.kind === 'wait' || decision.kind === 'refuse') return decision.code
      expect(late, 'a late pod moves nothing').toBe(false)
      if (decision.kind === 'up') {
        if (fails) return 'migration-failed'
        this.live = Number(decision.steps[0])
        row.reached = Math.max(row.reached ?? 0, this.live)
      } else {
        expect(restarted, 'a restarted pod takes nothing down').toBe(false)
        const allowed = work.onRollback === 'always' || (work.onRollback === 'auto' && work.strategy === 'Recreate')
        expect(allowed, 'nothing goes down beside pods that may serve, unless the policy says always').toBe(true)
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

/** One history: what happened is tried until nothing changes, and then every pod restarts. */
const histories = (rules: Rules) =>
  fc.property(
    fc.tuple(work('a'), work('b')),
    fc.array(fc.boolean(), { minLength: TOP + 1, maxLength: TOP + 1 }),
    fc.array(event, { minLength: 3, maxLength: 25, size: 'max' }),
    (works, compatible, events) => {
      const world = new World(
        works.map((each) => ({ ...each, intents: [], serving: new Set<string>() })),
        compatible,
        rules,
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
      settles(world)
    },
  )

function settles(world: World): void {
  const answers = new Map<Work, string>()
  for (let i = 0; i < 12; i++)
    for (const each of world.works) {
      const last = each.intents.at(-1)
      if (last !== undefined) answers.set(each, world.start(each, last, false))
    }
  const settled = world.live
  for (const each of world.works)
    for (const pod of [...each.serving]) {
      const [target = 0, token = 0] = pod.split('/').map(Number)
      world.start(each, { target, token }, false)
    }
  if (world.live !== settled) throw new Error('a restart moved the schema after it had settled')
  for (const [each, answer] of answers) endsWell(world, each, answer)
}

/** Who does not start at last is kept from it by the policy or by a neighbour, and by nothing else. */
function endsWell(world: World, each: Work, answer: string): void {
  if (answer === 'start') return
  const target = each.intents.at(-1)?.target ?? 0
  const heldBy = world.works.filter((other) => {
    const row = world.rows.get(other.name)
    if (other === each || row === undefined) return false
    const lets = other.onRollback === 'always' || other.strategy === 'Recreate'
    return row.target > target || (!lets && (row.reached ?? 0) > target)
  })
  if (answer === 'schema-ahead-incompatible' && each.onRollback === 'auto' && each.strategy !== 'Recreate') return
  if (answer === 'held-by-workload' && heldBy.length > 0) return
  throw new Error(`${each.name} ends with ${answer}`)
}

test('no history of two workloads lets a pod start without its schema, or a late or restarted one move anything', () => {
  fc.assert(histories(real), { numRuns: HISTORIES })
}, 300_000)

/** Rules that are wrong in one place: the property must find each of them out. */
const mutants: [string, Rules][] = [
  ['lets a late pod go up', { ...real, decide: (input) => decide({ ...input, token: input.recorded.token }) }],
  [
    'lets any pod on a schema ahead lower it',
    {
      ...real,
      decide: (input) =>
        decide({
          ...input,
          recorded: { ...input.recorded, reached: String(input.applied.length) },
          token: input.token,
        }),
    },
  ],
  ['does not ask what others hold', { ...real, decide: (input) => decide({ ...input, others: [] }) }],
  ['takes a rolling update for a Recreate', { ...real, decide: (input) => decide({ ...input, strategy: 'Recreate' }) }],
  ['takes keep for always', { ...real, decide: (input) => decide({ ...input, onRollback: 'always' }) }],
  ['starts below its target', { ...real, decide: (input) => decide({ ...input, files: [] }) }],
  ['never lowers', { ...real, decide: (input) => neverDown(decide(input)) }],
  ['holds its target alone', { ...real, holdOf: (row) => row.target }],
  [
    'holds what an always workload reached',
    { ...real, holdOf: (row) => holdOf({ ...row, onRollback: 'keep', strategy: '' }) },
  ],
]
const neverDown = (answer: Decision): Decision =>
  answer.kind === 'down' ? { kind: 'wait', code: 'schema-ahead-incompatible', message: '', fix: '' } : answer

test.each(mutants)('a rule that %s is found out', (_, rules) => {
  expect(fc.check(histories(rules), { numRuns: 300_000, endOnFailure: true }).failed).toBe(true)
})
