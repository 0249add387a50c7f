import { afterEach, expect, test } from 'vitest'
import { type PreparedSource, prepareSource, type SourceQuestion } from '../../src/migration/prepare-source.ts'
import { sqlFacts } from '../../src/safety/sql-facts.ts'
import { loadParser } from '../../src/sql/parser.ts'
import { SourceThreads, type ThreadsOptions } from '../../src/webhook/source-threads.ts'
import { release } from '../tools/example-files.ts'
import { flywayExample } from '../tools/example-flyway.ts'
import { exampleSets } from '../tools/example-sets.ts'
import type { Files } from '../tools/runner.ts'

const question: SourceQuestion = { format: undefined, historySchema: 'lockkeeper', placeholders: {} }
const bodiesOf = (files: Files) => [
  new TextEncoder().encode(JSON.stringify({ metadata: { name: 'm', uid: 'u', resourceVersion: '1' }, data: files })),
]

let threads: SourceThreads
afterEach(() => threads.close())
const ask = (asker: string, files: Files, more: Partial<SourceQuestion> = {}) =>
  threads.prepare(asker, async () => bodiesOf(files), { ...question, ...more })
const codesOf = ({ read }: PreparedSource) =>
  'content' in read ? read.content.catalogue.findings.map(({ code }) => code) : [read.flaw]

/** Ten thousand statements take some seconds. */
const large = (statements: number): Files => ({
  '1_all.up.sql': Array.from(
    { length: statements },
    (_, i) => `CREATE TABLE t${i} (id bigint PRIMARY KEY, note text NOT NULL DEFAULT '');`,
  ).join('\n'),
  '1_all.down.sql': 'SELECT 1;',
})
const limited = (options: ThreadsOptions) => {
  threads = new SourceThreads(options)
}

test('the threads say of each example what the rules say, also for a release since a version, and for many at once', async () => {
  limited({ quickMs: 60_000 })
  const parse = await loadParser()
  const sets = [...Object.values(exampleSets), flywayExample, release(3)]
  const asked = sets.flatMap((files) => [[files, {}] as const, [files, { since: '1' }] as const])
  const answers = await Promise.all(asked.map(([files, more], i) => ask(`n${i % 3}`, files, more)))
  const expected = await Promise.all(
    asked.map(([files, more]) =>
      prepareSource(bodiesOf(files), { ...question, ...more }, async (set, since) =>
        sqlFacts(set, { parse, ...(since !== undefined && { since }) }),
      ),
    ),
  )
  expect(answers).toEqual(expected)
})

test('reviews go on while a large set is read', async () => {
  limited({ quickMs: 60_000 })
  let turns = 0
  let over = false
  const read = ask('shop', large(1_000)).finally(() => {
    over = true
  })
  for (; !over; turns++) await new Promise((resolve) => setImmediate(resolve))
  expect(codesOf(await read)).toEqual([])
  expect(turns).toBeGreaterThan(100)
})

test('what takes too long is said so, with the bound and the cure, and the next is judged', async () => {
  limited({ quickMs: 1, sourceMs: 1 })
  const { read, passing } = await ask('slow', large(2_000))
  expect(passing).toBe(true)
  expect(read).toEqual({
    flaw: 'its files alone: it took longer than 1 ms',
    fix: 'make the files fewer or smaller',
  })
})

test('what needs more memory than there is is unjudged too', async () => {
  limited({ quickHeap: 12, slowHeap: 16, quickMs: 20_000, sourceMs: 20_000 })
  const { read } = await ask('shop', large(5_000))
  const said = 'content' in read ? read.content.catalogue.findings.map(({ message }) => message) : [read.flaw]
  expect(said).toEqual([expect.stringContaining('more memory than there is')])
})

const terms = (n: number) => `SELECT 1${'+1'.repeat(n)};`

test.each([
  ['a sum', [terms(62_000)]],
  ['several, and one that drops a table', [terms(60_000), terms(60_000), terms(60_000), 'DROP TABLE orders;']],
  ['casts', [`SELECT a${'::a'.repeat(43_000)};`]],
])(
  'a statement that is too deep for the parser leaves its source unjudged, and the next one is judged: %s',
  async (_, statements) => {
    limited({ quickMs: 60_000, sourceMs: 60_000 })
    const files = { '1_a.up.sql': statements.join('\n'), '1_a.down.sql': 'SELECT 1' }
    for (const asker of ['hostile', 'other']) {
      expect(codesOf(await ask(asker, files))).toEqual(['sql-unjudged'])
      expect(codesOf(await ask('shop', release(3)))).toEqual([])
    }
  },
)

test('namespaces with slow sources wait for each other, and others go on', async () => {
  limited({ quickMs: 60_000 })
  const held = Promise.withResolvers<undefined>()
  const sizes: number[] = []
  const load = async (most: number) => {
    sizes.push(most / 1024 / 1024)
    return most > 4 * 1024 * 1024 ? held.promise : undefined
  }
  const slow = [1, 2, 3].map(() => threads.prepare('slow', load, question))
  for (let i = 0; i < 3; i++) expect(codesOf(await ask('shop', release(3), { since: String(i) }))).toEqual([])
  expect(sizes).toEqual([4, 32])
  held.resolve(undefined)
  expect((await Promise.all(slow)).flatMap(codesOf)).toEqual(Array(3).fill(expect.stringContaining('32 MiB')))
  // They did not try the thread for quick ones again.
  expect(sizes).toEqual([4, 32, 32, 32])
})

test('too many sources of one namespace that wait are refused, and others go on', async () => {
  limited({})
  const never = new Promise<undefined>(() => undefined)
  const stuck = () => threads.prepare('many', () => never, question)
  const asked = Array.from({ length: 101 }, stuck)
  await expect(stuck()).rejects.toThrow('100 sources of namespace many wait already')
  expect(asked).toHaveLength(101)
  limited({})
  expect(codesOf(await ask('shop', release(2)))).toEqual([])
})

test('ConfigMaps of more bytes than a source may have are not read, and what is said has the bound and the cure', async () => {
  limited({})
  const asked: number[] = []
  const load = async (most: number) => {
    asked.push(most)
    return undefined
  }
  const { read } = await threads.prepare('shop', load, question)
  expect(read).toMatchObject({ flaw: expect.stringContaining('32 MiB'), fix: expect.stringContaining('bulk data') })
  expect(asked.map((most) => most / 1024 / 1024)).toEqual([4, 32])
})

test('a thread that has gone for want of work starts again', async () => {
  limited({ idleMs: 1 })
  expect(codesOf(await ask('shop', release(2)))).toEqual([])
  await new Promise((resolve) => setTimeout(resolve, 50))
  expect(codesOf(await ask('shop', release(3)))).toEqual([])
})
