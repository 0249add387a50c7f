import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readConfig } from '../../sidecar/config.ts'
import { decisionInput } from '../../src/engine/decision-input.ts'
import { blocker, raise, raised } from '../../src/engine/step/checks.ts'
import { historyDdl } from '../../src/history/ddl.ts'
import { readHistory } from '../../src/history/read.ts'
import { recordIntent, recordStart } from '../../src/history/requirement.ts'
import { beginSet } from '../../src/history/write.ts'
import { decide } from '../../src/migration/decide.ts'
import type { Interval } from '../../src/migration/hold.ts'
import type { RunRequest } from '../../src/migration/run-request.ts'
import { compareVersions, highestVersion } from '../../src/migration/version.ts'
import { withSession } from '../../src/postgres/connect.ts'
import type { DatabaseTarget } from '../../src/postgres/database-target.ts'
import type { Session } from '../../src/postgres/session.ts'
import type { EmbeddedPostgres } from '../../src/prove/embedded-postgres.ts'
import { newest } from '../tools/majors.ts'
import { startServer, withDatabase } from '../tools/postgres.ts'

/** In version order, which is not that of their texts. */
const versions = ['0', '1', '2', '2.1', '9', '10', '10.0.3']
const version = fc.constantFrom(...versions)
const lower = (one: string, other: string) => (compareVersions(one, other) < 0 ? one : other)

const configOf = (url: string) =>
  readConfig({
    ...{
      LOCKKEEPER_TARGET: '1',
      LOCKKEEPER_TOKEN: '1',
      LOCKKEEPER_CLUSTER: 'c',
      LOCKKEEPER_WORKLOAD: 'shop/Deployment/a',
    },
    ...{ LOCKKEEPER_DATABASE_URL: url, LOCKKEEPER_MIGRATIONS: '/nowhere', LOCKKEEPER_HOLD_GRACE: '1h' },
  })

const intent = fc.record({ what: fc.constant('intent' as const), target: version, recreate: fc.boolean() })
const start = fc.record({ what: fc.constant('start' as const), back: fc.nat(2) })
const settled = fc.record({ what: fc.constant('settled' as const) })

describe(`what may serve, as the server writes and asks it, on PostgreSQL ${newest}`, () => {
  let server: EmbeddedPostgres
  let stop: () => Promise<void>
  beforeAll(async () => {
    ;({ server, stop } = await startServer({ major: newest }))
  })
  afterAll(() => stop())

  const inHistory = (use: (session: Session, request: RunRequest, database: DatabaseTarget) => Promise<void>) =>
    withDatabase(server, async ({ url }) => {
      const { request, database } = configOf(url)
      await withSession(database, 'test', async (session) => {
        await session.execute(historyDdl({ schema: 'lockkeeper', readers: [] }))
        await session.execute(beginSet(request))
        await use(session, request, database)
      })
    })

  test('starts widen it, only Recreate and the grace narrow it, in whatever order they come', () =>
    inHistory(async (session, request) => {
      const check = async (
        events: readonly (typeof intent | typeof start | typeof settled extends fc.Arbitrary<infer T> ? T : never)[],
      ) => {
        await session.execute('delete from lockkeeper.requirement')
        const intents: { target: string; as: RunRequest }[] = []
        let expected: Interval = { low: '0', high: '0' }
        let stamped = false
        for (const event of events) {
          const last = intents.at(-1)
          if (event.what === 'intent' || last === undefined) {
            const { target, recreate } = event.what === 'intent' ? event : { target: '2', recreate: false }
            const owner = { cluster: 'c', workload: 'shop/Deployment/a', digest: '-', token: intents.length + 1 }
            const as = { ...request, owner, strategy: recreate ? 'Recreate' : 'RollingUpdate' }
            await recordIntent(session, as, target)
            intents.push({ target, as })
            if (recreate) expected = { low: undefined, high: '0' }
            stamped = false
          } else if (event.what === 'start') {
            const { target, as } = intents.at(-1 - event.back) ?? last
            expect(await recordStart(session, as, { epoch: 1, target, reached: target })).toBe(true)
            expected = {
              low: lower(expected.low ?? target, target),
              high: highestVersion([expected.high, target]) ?? '',
            }
            stamped ||= as === last.as
          } else if (stamped) {
            await session.execute('update lockkeeper.requirement set lingering_until = now()')
            expected = { low: last.target, high: last.target }
          }
          const [row] = (await readHistory(session, 'lockkeeper', 'default')).requirements
          expect(row?.interval).toEqual(expected)
        }
      }
      await fc.assert(
        fc.asyncProperty(fc.array(fc.oneof(intent, start, start, settled), { minLength: 2, maxLength: 12 }), check),
        { numRuns: 100 },
      )
    }))

  test('a start at another epoch, or of a row that is gone, is none', () =>
    inHistory(async (session, request) => {
      await recordIntent(session, request, '1')
      expect(await recordStart(session, request, { epoch: 2, target: '1', reached: '1' })).toBe(false)
      await session.execute('delete from lockkeeper.requirement')
      expect(await recordStart(session, request, { epoch: 1, target: '1', reached: '1' })).toBe(false)
    }))

  test('whom a step breaks is the same for its trailer as for the decision before it', () => {
    const row = fc.record({
      workload: fc.constantFrom('shop/Deployment/b', 'shop/Job/b', 'shop/Deployment/a'),
      ...{ cluster: fc.constantFrom('c', 'c', 'other'), target: version, low: fc.option(version), high: version },
      interval: fc.constantFrom('null', '1', '2'),
      stamp: fc.constantFrom('null', '0'),
      until: fc.constantFrom('null', "now() - interval '1h'", "now() + interval '1h'"),
    })
    return inHistory(async (session, request) => {
      await recordIntent(session, request, '1')
      const check = async (each: typeof row extends fc.Arbitrary<infer T> ? T : never, step: string, floor: string) => {
        const low = each.low === null ? 'null' : `'${each.low}'`
        await session.execute(`delete from lockkeeper.requirement where workload <> 'shop/Deployment/a' or cluster <> 'c';
          insert into lockkeeper.requirement (cluster, workload, "set", target, token, digest, stamp, on_rollback, strategy, last_seen,
            low, high, interval_token, lingering_until)
          values ('${each.cluster}', '${each.workload}', 'default', '${each.target}', 1, '-', ${each.stamp}, 'auto', '', now(),
            ${low}, '${each.high}', ${each.interval}, ${each.until}) on conflict do nothing`)
        const seen = await readHistory(session, 'lockkeeper', 'default')
        const files = [{ kind: 'versioned', version: step, floor }]
        const answer = decide(decisionInput(request, seen, files as never, step))
        const [outcome] = await session.send([raise(...blocker(request, step, floor)).join('') || 'select 1'])
        expect(raised(outcome?.error) !== undefined).toBe(answer.kind === 'wait' && answer.code === 'breaks-workload')
      }
      await fc.assert(fc.asyncProperty(row, version, version, check), { numRuns: 400 })
    })
  })
})
