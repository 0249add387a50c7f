import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { plan } from '../../src/cli/plan.ts'
import type { EmbeddedPostgres } from '../../src/prove/embedded-postgres.ts'
import { leftovers } from '../tools/crash.ts'
import {
  type Blow,
  base,
  everythingIn,
  filesOf,
  type Kind,
  kinds,
  type Move,
  moveTo,
  setOf,
  standingOf,
} from '../tools/in-step.ts'
import { majors, newest } from '../tools/majors.ts'
import { query, startServer, type TestDatabase, withDatabase } from '../tools/postgres.ts'

/** A seed replays the story; the moment of a SIGKILL comes back only roughly. */
const seedOn = (major: number) => Number(process.env.LOCKKEEPER_SEED ?? major * 1_000_000 + (Date.now() % 1_000_000))
const storiesOn = (major: number) => (major === newest ? 25 : 5)

/** What the stories came across: without it they would show nothing. */
const count = { struck: 0, unfinished: 0 }

/** One act of a story. */
type Act = { readonly plan: number } | { readonly to: number; readonly blow: Blow | undefined }

const most = 6
const target = fc.nat(most)
const blow: fc.Arbitrary<Blow | undefined> = fc.oneof(
  { weight: 3, arbitrary: fc.constant(undefined) },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constantFrom('cut' as const, 'dead' as const, 'dead' as const),
      direction: fc.constantFrom('toServer' as const, 'toClient' as const),
      before: fc.integer({ min: 1, max: 80 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('kill' as const), ms: fc.nat(80) }) },
)
const act: fc.Arbitrary<Act> = fc.oneof(
  { weight: 1, arbitrary: fc.record({ plan: target }) },
  { weight: 5, arbitrary: fc.record({ to: target, blow }) },
)
const story = fc.record({
  set: fc.array(fc.constantFrom(...kinds), { minLength: 2, maxLength: most }),
  acts: fc.array(act, { minLength: 3, maxLength: 9 }),
})

describe.each(majors)('on PostgreSQL %i', (major) => {
  let server: EmbeddedPostgres
  let stop: () => Promise<void>
  beforeAll(async () => {
    ;({ server, stop } = await startServer({ major }))
  })
  afterAll(() => stop())

  const numRuns = storiesOn(major)
  const timeout = 60_000 + numRuns * 8000
  test(`plans, crashes, ups and downs in any order keep history and schema in step`, { timeout }, async () => {
    const seed = seedOn(major)
    Object.assign(count, { struck: 0, unfinished: 0 })
    const property = fc.asyncProperty(story, ({ set, acts }) =>
      withDatabase(server, async (database) => {
        await database.sql(base)
        let token = 0
        for (const each of acts) {
          token += 1
          if ('plan' in each) await expectNoChange(database, set, Math.min(each.plan, set.length))
          else await play(database, { set, token, target: Math.min(each.to, set.length), blow: each.blow })
          await expectInStep(database, set)
        }
        await expectWayOut(database, set, token)
        await query(`${server.url}/postgres`, `drop database ${database.name} with (force)`)
      }),
    )
    try {
      await fc.assert(property, { seed, numRuns, interruptAfterTimeLimit: timeout - 20_000 })
    } finally {
      const { struck, unfinished } = count
      console.log(
        `PostgreSQL ${major}: ${numRuns} stories, ${struck} runs struck, ${unfinished} times something was unfinished, LOCKKEEPER_SEED=${seed}`,
      )
    }
    expect(count.struck).toBeGreaterThan(0)
  })
})

const upTo = (n: number) => Array.from({ length: n }, (_, i) => i + 1)

/** A rollout. It ends at its target, unless it died on the way, or may not go up over a way down that was begun. */
async function play(database: TestDatabase, move: Move): Promise<void> {
  const { applied, unfinished } = await standingOf(database)
  const { struck, failure } = await moveTo(database, move)
  if (struck) count.struck += 1
  if (move.blow !== undefined && move.blow.kind !== 'cut') {
    expect(await leftovers(database)).toEqual([])
    return
  }
  if (unfinished.some((version) => applied.includes(version) && version <= move.target)) {
    expect(failure).toMatchObject({ code: 'in-doubt' })
  } else {
    expect(failure).toBeUndefined()
    expect((await standingOf(database)).applied).toEqual(upTo(move.target))
  }
}

/** The schema is that of exactly the applied versions, but for what the history says is under way. */
async function expectInStep(database: TestDatabase, set: readonly Kind[]): Promise<void> {
  const { applied, unfinished, whole, torn } = await standingOf(database)
  if (unfinished.length > 0) count.unfinished += 1
  const settled = (versions: readonly number[]) => versions.filter((version) => !unfinished.includes(version))
  expect(settled(whole)).toEqual(settled(applied))
  expect(settled(torn)).toEqual([])
  expect(unfinished.filter((version) => set[version - 1] === 'table')).toEqual([])
  expect(applied).toEqual(upTo(applied.length))
}

async function expectNoChange(database: TestDatabase, set: readonly Kind[], to: number): Promise<void> {
  const nowhere = { json: true, quiet: true, colour: false, terminal: false }
  const nothing = () => undefined
  const output = { ...nowhere, print: nothing, document: nothing, fail: nothing, say: nothing, live: nothing }
  const before = await everythingIn(database)
  await plan(output, { database: database.url, to: String(to) }, setOf(filesOf(set, set.length)))
  expect(await everythingIn(database)).toEqual(before)
}

/** Whatever happened, plain runs lead down to nothing, up to all of it, and down again. */
async function expectWayOut(database: TestDatabase, set: readonly Kind[], token: number): Promise<void> {
  for (const [i, target] of [0, set.length, 0].entries()) {
    await play(database, { set, token: token + i + 1, target, blow: undefined })
    await expectInStep(database, set)
  }
  expect(await standingOf(database)).toEqual({ applied: [], unfinished: [], whole: [], torn: [] })
}
