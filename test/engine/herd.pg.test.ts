import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { EmbeddedPostgres } from '../../src/prove/embedded-postgres.ts'
import { startServer, type TestDatabase, withDatabase } from '../tools/postgres.ts'
import { digestFor, type Files, runRunner } from '../tools/runner.ts'

const HERD = 100
const steps = 10
/** Every step says in the table that it ran: twice would show. */
const files: Files = Object.fromEntries(
  Array.from({ length: steps }, (_, i) => i + 1).flatMap((n) => [
    [`${n}_step.up.sql`, `${n === 1 ? 'CREATE TABLE log (step int);\n' : ''}INSERT INTO log VALUES (${n});\n`],
    [`${n}_step.down.sql`, `DELETE FROM log WHERE step = ${n};\n`],
  ]),
)
const upTo = (n: number) => Array.from({ length: n }, (_, i) => i + 1)

/** All of them at once, as replicas that start together. */
async function herd({ url }: TestDatabase): Promise<{ applied: number[]; seconds: number }> {
  const began = Date.now()
  const env = { LOCKKEEPER_DEADLINE: '180s' }
  const runs = await Promise.all(
    Array.from({ length: HERD }, () => runRunner({ url, target: String(steps), files, env })),
  )
  expect(runs.filter(({ code }) => code !== 0).map(({ output }) => output)).toEqual([])
  const applied = runs.flatMap(({ events }) => events.filter(({ event }) => event === 'applied'))
  return {
    applied: applied.map(({ version }) => Number(version)).sort((a, b) => a - b),
    seconds: (Date.now() - began) / 1000,
  }
}

describe(`${HERD} runners at once, on a server that has 100 connections`, () => {
  let server: EmbeddedPostgres
  let stop: () => Promise<void>
  beforeAll(async () => {
    ;({ server, stop } = await startServer({ major: 16, settings: ['max_connections = 100'] }))
  })
  afterAll(() => stop())

  test.each([
    ['an empty database', 0],
    ['one that is half migrated', 5],
    ['a current one', steps],
  ])('on %s: all end ready, and each step ran once', (what, before) =>
    withDatabase(server, async (database) => {
      if (before > 0) await runRunner({ url: database.url, target: String(before), files })
      const { applied, seconds } = await herd(database)
      console.log(`herd of ${HERD} on ${what}: ${seconds.toFixed(1)} s`)
      expect(applied).toEqual(upTo(steps).slice(before))
      expect(
        (await database.sql<{ step: number }>('select step from log order by ctid')).map(({ step }) => step),
      ).toEqual(upTo(steps))
      expect(await database.sql(`select from pg_locks where locktype = 'advisory'`)).toEqual([])
    }),
  )
})

describe('while one runner works', () => {
  let server: EmbeddedPostgres
  let stop: () => Promise<void>
  beforeAll(async () => {
    ;({ server, stop } = await startServer({ major: 18 }))
  })
  afterAll(() => stop())

  /** Sleeps so long in each of its migrations, and calls back once it has the lock. */
  const slowly = (url: string, seconds: readonly number[], locked: () => Promise<void>) => {
    const slow: Files = Object.fromEntries(
      seconds.flatMap((each, i) => [
        [`${i + 1}_s.up.sql`, `SELECT pg_sleep(${each});\n`],
        [`${i + 1}_s.down.sql`, 'SELECT 1;\n'],
      ]),
    )
    let inside: Promise<void> | undefined
    const run = runRunner({
      ...{ url, files: slow, target: String(seconds.length) },
      started: (child) =>
        child.stdout?.on('data', (text: string) => {
          if (text.includes('"locked"')) inside ??= locked()
        }),
    })
    return { slow, both: async () => [await run, await inside] as const }
  }

  test('the others of its rollout need no file to hear that it is done', () =>
    withDatabase(server, async ({ url }) => {
      let other: Awaited<ReturnType<typeof runRunner>> | undefined
      const { slow, both } = slowly(url, [0.5], async () => {
        const env = { LOCKKEEPER_DIGEST: digestFor(slow, '1') }
        other = await runRunner({ url, target: '1', env })
      })
      const [first] = await both()
      expect(first.code, first.output).toBe(0)
      expect(other?.code, other?.output).toBe(0)
      expect(other?.events.map(({ event }) => event)).not.toContain('locked')
    }))

  test('another workload starts as soon as its own version is there, whoever has the lock', () =>
    withDatabase(server, async ({ url, sql }) => {
      let appliedThen: unknown
      const { slow, both } = slowly(url, [1.5, 3], async () => {
        const files = Object.fromEntries(Object.entries(slow).filter(([name]) => name.startsWith('1')))
        const other = await runRunner({ url, target: '1', files, workload: 'shop/Deployment/other' })
        expect(other.code, other.output).toBe(0)
        appliedThen = await sql('select version from lockkeeper.migration')
      })
      const [first] = await both()
      expect(first.code, first.output).toBe(0)
      expect(appliedThen).toEqual([{ version: '1' }])
    }))
})
