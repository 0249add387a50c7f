import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { EmbeddedPostgres } from '../../src/cli/embedded-postgres.ts'
import { startServer, type TestDatabase, withDatabase } from '../tools/postgres.ts'
import { type Files, runRunner } from '../tools/runner.ts'

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
