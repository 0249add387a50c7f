import { once } from 'node:events'
import { connect } from 'node:net'
import { isDeepStrictEqual } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { EmbeddedPostgres } from '../../src/prove/embedded-postgres.ts'
import { drawFault, filesUpTo, leftovers, random, stateOf, targets, type Way } from '../tools/crash.ts'
import { type ProxyFault, startFaultProxy } from '../tools/fault-proxy.ts'
import { majors, newest } from '../tools/majors.ts'
import { query, startServer, withDatabase } from '../tools/postgres.ts'
import { type Course, type Fault, type FaultyRun, runRunner, runWithFault } from '../tools/runner.ts'

/** So many in all, as `npm run crash` wants them; else 100 on the newest major and 20 on each other. */
const total = Number(process.env.LOCKKEEPER_FAULTS ?? 0)
const faultsOn = (major: number) => (total > 0 ? Math.ceil(total / majors.length) : major === newest ? 100 : 20)
/** Of the first story; each other has the next. The faults come back with a seed, their moments only roughly. */
const firstSeedOn = (major: number) =>
  Number(process.env.LOCKKEEPER_SEED ?? major * 1_000_000 + (Date.now() % 1_000_000))
/** Stories at once, each on a server of its own: a restart hits all databases of a server. */
const lanes = 3

/** What one way of a story came to. */
interface End {
  readonly way: Way
  /** The faults that came before their run was over. */
  readonly struck: readonly Fault[]
  readonly course: Course
  /** Of the database, after the plain run, and what the runs ended with. */
  readonly state: object
  /** How to have it again, and what the runs wrote. */
  readonly report: string
}
type Reference = ReadonlyMap<Way, End>

describe.each(majors)('faults on PostgreSQL %i', (major) => {
  let servers: readonly EmbeddedPostgres[]
  let stop: () => Promise<unknown>
  beforeAll(async () => {
    const started = await Promise.all(Array.from({ length: lanes }, () => startServer({ major })))
    servers = started.map(({ server }) => server)
    stop = () => Promise.all(started.map((each) => each.stop()))
  })
  afterAll(() => stop())

  const count = faultsOn(major)
  const timeout = 60_000 + count * 3000
  test(`after each of ${count}, one plain run reaches the state of a run without faults`, { timeout }, async () => {
    const began = Date.now()
    const firstSeed = firstSeedOn(major)
    const struck: Fault[] = []
    let seed = firstSeed
    let failures = 0
    const lane = async (server: EmbeddedPostgres) => {
      const reference: Reference = new Map((await story(server, 0)).map((end) => [end.way, end]))
      // A fault that came after its run does not count.
      while (struck.length < count) {
        for (const end of await story(server, seed++, reference)) {
          const wanted = reference.get(end.way)?.state
          if (!isDeepStrictEqual(end.state, wanted)) failures += 1
          expect.soft(end.state, end.report).toEqual(wanted)
          struck.push(...end.struck)
        }
      }
    }
    await Promise.all(servers.map(lane))
    const kinds = [...Map.groupBy(struck, ({ kind }) => kind)].map(([kind, of]) => `${kind} ${of.length}`)
    console.log(
      `PostgreSQL ${major}: ${struck.length} faults (${kinds.join(', ')}), ${failures} failures, ` +
        `${Math.round((Date.now() - began) / 1000)} s, LOCKKEEPER_SEED=${firstSeed}`,
    )
  })

  test.each<[string, Omit<ProxyFault, 'ms'>, number[]]>([
    // The client's messages are: startup, three inserts, the end.
    ['half-closed before the third', { kind: 'half-close', direction: 'toServer', before: 4 }, [1, 2]],
    ['cut before the first', { kind: 'cut', direction: 'toServer', before: 2 }, []],
    ['half-closed before any answer', { kind: 'half-close', direction: 'toClient', before: 1 }, [1, 2, 3]],
    ['delayed before the second', { kind: 'delay', direction: 'toServer', before: 3 }, [1, 2, 3]],
  ])('of three statements in one write, %s, those before it arrive', (_what, fault, rows) =>
    withDatabase(servers[0] as EmbeddedPostgres, async (database) => {
      await database.sql('create table a (id int)')
      const proxy = await startFaultProxy(database.server.port, { fault: { ...fault, ms: 50 } })
      const client = connect(proxy.port, '127.0.0.1')
      client.on('error', () => client.destroy())
      client.resume().write(conversation(database.name, [1, 2, 3]))
      await once(client, 'close')
      expect(await leftovers(database)).toEqual([])
      await proxy.close()
      expect(proxy.struck).toBe(true)
      expect((await database.sql('select id from a order by id')).map(({ id }) => id)).toEqual(rows)
    }),
  )
})

describe('on the newest PostgreSQL', () => {
  test('cut before each of its messages in turn, a run gets over it by itself, up and down', async () => {
    const { server, stop } = await startServer({ major: newest })
    let before = 0
    const lane = async () => {
      for (let struck = true; struck; ) {
        before += 1
        const fault = { kind: 'cut', direction: 'toServer', before, ms: 0 } as const
        struck = await withDatabase(server, async (database) => {
          const up = await runWithFault(database, optionsOf('up', false, 2), fault)
          const down = await runWithFault(database, optionsOf('down', false), fault)
          for (const { run } of [up, down])
            expect.soft(run.code, `before message ${fault.before}\n${run.output}`).toBe(0)
          const ran = await database.sql('select step from log order by id').catch(() => [])
          expect.soft(ran.map(({ step }) => step)).toEqual(['up 1', 'up 2', 'down 2'])
          return up.struck || down.struck
        })
      }
    }
    await Promise.all(Array.from({ length: lanes }, lane))
    await stop()
    expect(before).toBeGreaterThan(20)
  })
})

/** A session's messages: startup, an INSERT for each number, and the end. */
function conversation(database: string, numbers: readonly number[]): Buffer {
  const message = (type: string, body: string) => {
    const bytes = Buffer.from(`${type}    ${body}`)
    bytes.writeInt32BE(bytes.length - type.length, type.length)
    return bytes
  }
  const startup = message('', `\0\x03\0\0user\0postgres\0database\0${database}\0application_name\0lockkeeper\0\0`)
  const inserts = numbers.map((n) => message('Q', `INSERT INTO a VALUES (${n})\0`))
  return Buffer.concat([startup, ...inserts, message('X', '')])
}

/**
 * Up, then down, in a new database. With a reference each way suffers a fault or two, and ends with a plain run: after
 * them, or, as a second pod would, begun together with the last of them.
 */
async function story(server: EmbeddedPostgres, seed: number, reference?: Reference): Promise<End[]> {
  const next = random(seed)
  return withDatabase(server, async (database) => {
    const ends: End[] = []
    for (const way of ['up', 'down'] as const) {
      const wanted = reference?.get(way)
      const chance = (share: number) => next() < share && wanted !== undefined
      const wrong = way === 'up' && chance(0.5)
      const suffer = () => runWithFault(database, optionsOf(way, wrong), wanted && drawFault(next, wanted.course))
      const plain = () => runRunner({ ...optionsOf(way, false), url: database.url })
      const before = chance(0.2) ? [await suffer()] : []
      const together = !wrong && chance(0.4)
      const [run, last] = together ? await Promise.all([suffer(), plain()]) : [await suffer(), await plain()]
      const runs = [...before, run]
      const codes = { code: last.code, unexpected: runs.filter(isUnexpected(wrong)).map((each) => each.run.code) }
      const end = {
        way,
        struck: runs.flatMap(({ struck, fault }) => (struck && fault) || []),
        course: run.course,
        state: { ...codes, left: await leftovers(database), ...(await stateOf(database)) },
        report: [`LOCKKEEPER_SEED=${seed}, ${way}`, ...runs.map(describeRun), last.output].join('\n'),
      }
      ends.push(end)
      if (wanted !== undefined && !isDeepStrictEqual(end.state, wanted.state)) break
    }
    await query(`${server.url}/postgres`, `drop database ${database.name} with (force)`)
    return ends
  })
}

/** A corrected file comes with a newer token, and so does the way back, whose release has the first file only. */
const optionsOf = (way: Way, wrong: boolean, highest = targets[way]) => ({
  target: String(highest),
  files: filesUpTo(highest, wrong),
  token: way === 'down' ? 3 : wrong ? 1 : 2,
  env: { LOCKKEEPER_ON_ROLLBACK: 'always' },
})

/** A run that is not killed gets over its fault by itself: only a wrong file ends it. */
const isUnexpected =
  (wrong: boolean) =>
  ({ run }: FaultyRun) =>
    run.signal === null && run.code !== (wrong ? 10 : 0)

const describeRun = ({ fault, struck, run }: FaultyRun) =>
  `${JSON.stringify({ ...fault, struck })}, ended with ${run.code ?? run.signal}:\n${run.output}`
