import { afterEach, expect, test } from 'vitest'
import { readMigrations } from '../../src/migration/read.ts'
import { sqlFacts } from '../../src/safety/sql-facts.ts'
import { loadParser } from '../../src/sql/parser.ts'
import { Judges } from '../../src/webhook/sql-thread.ts'
import { release } from '../tools/example-files.ts'
import { flywayExample } from '../tools/example-flyway.ts'
import { exampleSets } from '../tools/example-sets.ts'
import type { Files } from '../tools/runner.ts'

const setOf = (files: Files) => readMigrations(Object.entries(files).map(([name, content]) => ({ name, content })))
let judges: Judges
afterEach(() => judges.close())

test('the thread says of each example what the rules say, also for a release since a version, and for many at once', async () => {
  judges = new Judges()
  const parse = await loadParser()
  const sets = [...Object.values(exampleSets), flywayExample, release(3)].map(setOf)
  const asked = sets.flatMap((set) => [[set, undefined] as const, [set, '1'] as const])
  const answers = await Promise.all(asked.map(([set, since]) => judges.judge(set, since)))
  const expected = asked.map(([set, since]) => sqlFacts(set, { parse, ...(since !== undefined && { since }) }))
  expect(answers).toEqual(expected)
  expect(expected.some(({ findings }) => findings.length > 0)).toBe(true)
})

test('reviews go on while a large set is read', async () => {
  judges = new Judges()
  const up = Array.from(
    { length: 3_000 },
    (_, i) => `CREATE TABLE t${i} (id bigint PRIMARY KEY, note text NOT NULL DEFAULT '');`,
  )
  const set = setOf({ '1_all.up.sql': up.join('\n'), '1_all.down.sql': 'SELECT 1;' })
  let turns = 0
  let over = false
  const judged = judges.judge(set).finally(() => {
    over = true
  })
  for (; !over; turns++) await new Promise((resolve) => setImmediate(resolve))
  expect((await judged).floors).toEqual({ 1: '0' })
  expect(turns).toBeGreaterThan(100)
})

test('a set that needs more memory than there is fails by itself, and the next one is judged', async () => {
  judges = new Judges({ maxHeap: 16 })
  const up = Array.from({ length: 5_000 }, (_, i) => `CREATE TABLE t${i} (id bigint PRIMARY KEY, note text NOT NULL);`)
  const large = setOf({ '1_all.up.sql': up.join('\n'), '1_all.down.sql': 'SELECT 1;' })
  await expect(judges.judge(large)).rejects.toThrow(/memory|ended/)
  expect((await judges.judge(setOf(release(2)))).floors).toEqual({ 1: '0', 2: '0' })
})

test('a set is read once, whoever asks, also after the thread has gone for want of work', async () => {
  judges = new Judges({ idleMs: 1 })
  const first = judges.judge(setOf(release(2)))
  expect(judges.judge(setOf(release(2)))).toBe(first)
  expect(judges.judge(setOf(release(2)), '1')).not.toBe(first)
  await first
  await new Promise((resolve) => setTimeout(resolve, 50))
  expect(judges.judge(setOf(release(2)))).toBe(first)
  expect((await judges.judge(setOf(release(3)))).floors).toEqual({ 1: '0', 2: '0', 3: '3' })
})
