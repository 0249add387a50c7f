import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { EmbeddedPostgres } from '../../src/prove/embedded-postgres.ts'
import { majors } from '../tools/majors.ts'
import { startServer, withDatabase } from '../tools/postgres.ts'
import { runRunner } from '../tools/runner.ts'

const one = {
  '1_create_orders.up.sql': 'CREATE TABLE orders (id int PRIMARY KEY);\nINSERT INTO orders VALUES (1);\n',
  '1_create_orders.down.sql': 'DROP TABLE orders;\n',
}
const two = {
  ...one,
  '2_add_note.up.sql': "BEGIN;\nALTER TABLE orders ADD note text DEFAULT 'none';\nCOMMIT;\n",
  '2_add_note.down.sql': 'ALTER TABLE orders DROP note;\n',
}

describe.each(majors)('on PostgreSQL %i', (major) => {
  let server: EmbeddedPostgres
  let stop: () => Promise<void>
  beforeAll(async () => {
    ;({ server, stop } = await startServer({ major }))
  })
  afterAll(() => stop())

  test('an empty database is brought to the target, and the second pod takes the fast path', () =>
    withDatabase(server, async ({ url, sql }) => {
      const first = await runRunner({ url, target: '2', files: two })
      expect(first.output).toContain('"event":"done"')
      expect(first.code).toBe(0)
      expect(first.termination).toEqual({ code: 'done', live: '2' })
      expect(first.events.map(({ event }) => event)).toEqual([
        ...['connected', 'locked', 'applying', 'applied', 'applying', 'applied', 'ready', 'done'],
      ])
      expect(await sql('select id, note from orders')).toEqual([{ id: 1, note: 'none' }])
      expect(
        await sql('select version, name, transactional, origin, down_file from lockkeeper.migration order by version'),
      ).toEqual([
        {
          version: '1',
          name: 'create_orders',
          transactional: true,
          origin: 'lockkeeper',
          down_file: '1_create_orders.down.sql',
        },
        { version: '2', name: 'add_note', transactional: true, origin: 'lockkeeper', down_file: '2_add_note.down.sql' },
      ])
      const second = await runRunner({ url, target: '2', files: two })
      expect(second.events.map(({ event }) => event)).toEqual(['connected', 'ready', 'done'])
      expect(second.code).toBe(0)
    }))
})
