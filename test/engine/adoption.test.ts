import { describe, expect, test } from 'vitest'
import { flyway } from '../../src/engine/adoption/flyway.ts'
import { type FlywayRow, replay } from '../../src/engine/adoption/flyway-replay.ts'
import { golangMigrate } from '../../src/engine/adoption/golang-migrate.ts'
import { RunFailure } from '../../src/postgres/failure.ts'

describe('the advisory keys', () => {
  test('of golang-migrate are both: opened by a URL, and from Go code', () => {
    const table = { schema: 'public', name: 'schema_migrations' }
    expect(golangMigrate.lockKeys(table, 'postgres')).toEqual([3_280_485_947n, 143_310_882n])
  })

  test('of Flyway is the one that it logs for its default table', () => {
    expect(flyway.lockKeys({ schema: 'public', name: 'flyway_schema_history' }, 'any')).toEqual([77_433_833_903_597n])
  })
})

/** A row as `TYPE VERSION`, with `!` where it failed; `R name` for a repeatable migration. */
function row(text: string): FlywayRow {
  const [, type = '', name = '', failed] = /^(\S+) (.*?)(!?)$/.exec(text) ?? []
  const repeatable = type === 'R'
  return {
    version: repeatable ? null : name,
    description: repeatable ? name : `step ${name}`,
    type: repeatable ? 'SQL' : type,
    script: 'x.sql',
    checksum: 1,
    installed_by: 'flyway',
    at: '2024-01-01T00:00:00+00:00',
    execution_time: 3,
    success: failed === '',
  }
}
const read = (...rows: string[]) => replay({ schema: 'public', name: 'history' }, rows.map(row))
const versions = (...rows: string[]) => read(...rows).applied.map(({ version }) => version)

describe("Flyway's rows", () => {
  test.each([
    ['every version that ran is applied, in canonical form', ['SQL 1', 'SQL 02.0', 'JDBC 3.1'], ['1', '2', '3.1']],
    ['DELETE takes the version back', ['SQL 1', 'SQL 2', 'DELETE 2'], ['1']],
    ['so does an undo', ['SQL 1', 'SQL 2', 'UNDO_SQL 2'], ['1']],
    ['what ran again after that is applied', ['SQL 1', 'UNDO_SQL 1', 'SQL 1'], ['1']],
    ['an undo that failed leaves nothing but doubt, and DELETE ends it', ['SQL 1', 'UNDO_SQL 1!', 'DELETE 1'], []],
    ['the row of a schema that Flyway made says nothing', ['SCHEMA 0', 'SQL 1'], ['1']],
    ['versions of any form of script count', ['SCRIPT 1', 'SPRING_JDBC 2', 'CUSTOM 3'], ['1', '2', '3']],
  ])('%s', (_, rows, expected) => {
    expect(versions(...rows)).toEqual(expected)
  })

  test.each([
    ['BASELINE 3', '3'],
    ['SQL_BASELINE 3', '3'],
    ['SQL 3', undefined],
  ])('%s: everything up to %s counts as applied', (text, upTo) => {
    expect(read(text, 'SQL 5').allUpTo).toBe(upTo)
  })

  test('a baseline that was taken back stands for nothing', () => {
    expect(read('BASELINE 3', 'DELETE 3')).toEqual({ applied: [], repeatables: [] })
  })

  test('of a repeatable migration the last row counts', () => {
    const { repeatables } = read('R view', 'R view')
    expect(repeatables.map(({ name }) => name)).toEqual(['view'])
  })

  test.each([
    ['SQL 2!', 'in-doubt', /flyway repair/],
    ['R view!', 'in-doubt', /flyway repair/],
    ['SQL x', 'bad-config', /adopt --at/],
  ])('%s is refused', (text, code, fix) => {
    const refusal = (() => {
      try {
        return read('SQL 1', text)
      } catch (error) {
        return error
      }
    })()
    expect(refusal).toBeInstanceOf(RunFailure)
    expect(refusal).toMatchObject({ code, fix: expect.stringMatching(fix) })
  })
})
