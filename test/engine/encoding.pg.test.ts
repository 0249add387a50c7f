import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { EmbeddedPostgres } from '../../src/prove/embedded-postgres.ts'
import { majors } from '../tools/majors.ts'
import { query, startServer } from '../tools/postgres.ts'
import { type Files, runRunner } from '../tools/runner.ts'

const table: Files = { '1_t.up.sql': 'CREATE TABLE t (x text);\n', '1_t.down.sql': 'DROP TABLE t;\n' }
const second = (up: string, down: string): Files => ({ ...table, '2_x.up.sql': up, '2_x.down.sql': down })
const add = 'ALTER TABLE t ADD y int;\n'
const drop = 'ALTER TABLE t DROP y;\n'

describe.each(majors)('a database that is not UTF8, on PostgreSQL %i', (major) => {
  let server: EmbeddedPostgres
  let stop: () => Promise<void>
  beforeAll(async () => {
    ;({ server, stop } = await startServer({ major }))
    for (const encoding of ['LATIN1', 'LATIN2', 'WIN1252', 'SQL_ASCII'])
      await query(
        `${server.url}/postgres`,
        `create database in_${encoding} encoding '${encoding}' lc_collate 'C' lc_ctype 'C' template template0`,
      )
  })
  afterAll(() => stop())
  const in_ = (name: string) => `${server.url}/in_${name}`
  const versions = (name: string) =>
    query<{ version: string }>(in_(name), 'select version from lockkeeper.migration order by 1').then((rows) =>
      rows.map(({ version }) => version),
    )
  let token = 0
  const up = (name: string, files: Files, target = '2', more = {}) =>
    runRunner({ url: in_(name), target, token: ++token, files, ...more })

  test.each<[string, Files, { file: string; line: number }, string]>([
    [
      'a down script',
      second(add, `-- café is fine\n-- 2 → 1\n${drop}`),
      { file: '2_x.down.sql', line: 2 },
      '→ (U+2192)',
    ],
    ['an up script', second(`${add}-- €\n`, drop), { file: '2_x.up.sql', line: 2 }, '€ (U+20AC)'],
    [
      'a down script that is run statement by statement, beyond the first plane',
      second('CREATE INDEX CONCURRENTLY i ON t (x);\n', "DROP INDEX CONCURRENTLY i;\nSELECT '😀';\n"),
      { file: '2_x.down.sql', line: 2 },
      '😀 (U+1F600)',
    ],
  ])('%s that could never run there is refused before anything of its version ran', async (_, files, place, shown) => {
    expect((await up('latin1', table, '1')).code).toBe(0)
    const refused = await up('latin1', files)
    expect(refused.termination, refused.output).toMatchObject({ code: 'migration-failed', version: '2', ...place })
    expect(refused.output).toContain(`${place.file} line ${place.line} has the character ${shown}, which LATIN1`)
    expect(refused.termination?.fix).toContain('UTF8')
    expect(await versions('latin1')).toEqual(['1'])
    expect(await query(in_('latin1'), `select from pg_attribute where attname = 'y'`)).toEqual([])
  })

  test('nor is it stored by an adoption', async () => {
    await query(`${server.url}/postgres`, `create database in_adopted template in_latin2`)
    const adopt = { env: { LOCKKEEPER_ADOPT_AT: '1' } }
    const refused = await up('adopted', { ...table, '1_t.down.sql': 'DROP TABLE t; -- →\n' }, '1', adopt)
    expect(refused.termination, refused.output).toMatchObject({ code: 'migration-failed', file: '1_t.down.sql' })
    expect((await up('adopted', table, '1', adopt)).code).toBe(0)
    expect(await versions('adopted')).toEqual(['1'])
  })

  test('nor is such a correction stored', async () => {
    expect((await up('latin1', table, '1')).code).toBe(0)
    const refused = await up('latin1', { ...table, '1_t.down.sql': 'DROP TABLE t; -- ﬁn\n' }, '1')
    expect(refused.termination, refused.output).toMatchObject({ code: 'migration-failed', file: '1_t.down.sql' })
    expect((await up('latin1', table, '1')).code).toBe(0)
  })

  test.each([
    ['win1252', '€ “x” é'],
    ['sql_ascii', '→ 😀'],
  ])('%s takes what it has, up and down', async (name, text) => {
    const there = await up(name, second(`${add}COMMENT ON TABLE t IS '${text}';\n`, `-- ${text}\n${drop}`))
    expect(there.code, there.output).toBe(0)
    const back = await up(name, table, '1', { env: { LOCKKEEPER_ON_ROLLBACK: 'always' } })
    expect(back.code, back.output).toBe(0)
    expect(await versions(name)).toEqual(['1'])
  })
})
