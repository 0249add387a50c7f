import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { EmbeddedPostgres } from '../../src/prove/embedded-postgres.ts'
import { ends } from '../tools/majors.ts'
import { startServer, withDatabase } from '../tools/postgres.ts'
import { digestFor, type Files, runRunner } from '../tools/runner.ts'

const oneWay: Files = { '1_x.up.sql': 'CREATE TABLE a (id int);\n' }
const both: Files = { ...oneWay, '1_x.down.sql': 'DROP TABLE a;\n' }
const empty: Files = { ...oneWay, '1_x.down.sql': '-- nothing\n' }
const later = { LOCKKEEPER_DIGEST: '-' }

describe.each(ends)('what the runner checks itself on PostgreSQL %i', (major) => {
  let server: EmbeddedPostgres
  let stop: () => Promise<void>
  beforeAll(async () => {
    ;({ server, stop } = await startServer({ major }))
  })
  afterAll(() => stop())

  test.each<[string, Files, Record<string, string>, number, string]>([
    ['admitted files without a down script', oneWay, {}, 14, 'rollback-missing'],
    ['admitted files with an empty down script', empty, {}, 14, 'rollback-empty'],
    [
      'admitted files that allow no way back, under proven',
      oneWay,
      { LOCKKEEPER_ROLLBACK_POLICY: 'proven' },
      14,
      'rollback-missing',
    ],
    ['files that came later, without a down script', oneWay, later, 14, 'rollback-missing'],
    [
      'files that came later, under proven',
      both,
      { ...later, LOCKKEEPER_ROLLBACK_POLICY: 'proven' },
      12,
      'files-changed',
    ],
    [
      'files that came later, where findings are listed',
      both,
      { ...later, LOCKKEEPER_DENY_FINDINGS: 'drop-loses-data' },
      12,
      'files-changed',
    ],
    ['files that came later, under break-glass', both, { ...later, LOCKKEEPER_BREAK_GLASS: '1' }, 12, 'files-changed'],
    [
      'files that came later, where scripts without a version are refused',
      both,
      { ...later, LOCKKEEPER_ALLOW_UNVERSIONED: 'false' },
      12,
      'files-changed',
    ],
  ])('refuses %s before anything runs', (_, files, env, code, expected) =>
    withDatabase(server, async (database) => {
      const run = await runRunner({ url: database.url, target: '1', files, env })
      expect([run.code, run.termination?.code], run.output).toEqual([code, expected])
      expect(await database.sql(`select to_regclass('public.a') as it`)).toEqual([{ it: null }])
    }),
  )

  test.each<[string, Files, Record<string, string>]>([
    ['admitted files', both, {}],
    ['admitted files under break-glass', oneWay, { LOCKKEEPER_BREAK_GLASS: '1' }],
    ['a version that was there before anybody asked for a way back', oneWay, { LOCKKEEPER_BASELINE_VERSION: '1' }],
    ['what it likes where nobody asks for a way back', oneWay, { ...later, LOCKKEEPER_ROLLBACK_POLICY: 'off' }],
    ['files that came later and have a way back', both, later],
  ])('applies %s', (_, files, env) =>
    withDatabase(server, async (database) => {
      const run = await runRunner({ url: database.url, target: '1', files, env })
      expect(run.code, run.output).toBe(0)
      const rechecked = await database.sql(`select detail from lockkeeper.journal where event = 'files-rechecked'`)
      const unadmitted = 'LOCKKEEPER_DIGEST' in env && !('LOCKKEEPER_ROLLBACK_POLICY' in env)
      expect(rechecked).toEqual(
        unadmitted ? [{ detail: 'none were admitted; versions 1 passed the checks in the runner' }] : [],
      )
    }),
  )

  test('starts on files without a way back where they are applied, and keeps the stored down script', () =>
    withDatabase(server, async (database) => {
      const stored = () => database.sql(`select down_checksum from lockkeeper.migration`)
      const go = (files: Files, token: number, env: Record<string, string> = {}) =>
        runRunner({
          url: database.url,
          target: '1',
          files,
          token,
          env: { LOCKKEEPER_DIGEST: digestFor(files, '1'), ...env },
        })
      expect((await go(both, 1)).code).toBe(0)
      const before = await stored()
      for (const [token, files, env] of [
        [2, oneWay, {}],
        [3, empty, {}],
        [4, empty, later],
      ] as const) {
        const run = await go(files, token, env)
        expect(run.code, run.output).toBe(0)
        expect(await stored()).toEqual(before)
      }
      const corrected = { ...oneWay, '1_x.down.sql': 'DROP TABLE IF EXISTS a;\n' }
      expect((await go(corrected, 5, later)).code).toBe(0)
      expect(await stored()).toEqual(before)
      expect((await go(corrected, 6)).code).toBe(0)
      expect(await stored()).not.toEqual(before)
    }))
})
