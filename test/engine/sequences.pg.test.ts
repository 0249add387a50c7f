import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { EmbeddedPostgres } from '../../src/prove/embedded-postgres.ts'
import { majors, newest } from '../tools/majors.ts'
import { query, startServer, withDatabase } from '../tools/postgres.ts'
import { type Act, drawSequence } from '../tools/sequence/draw.ts'
import { judgeQuiet } from '../tools/sequence/judge.ts'
import { Play } from '../tools/sequence/play.ts'
import { settle } from '../tools/sequence/settle.ts'
import { shortest } from '../tools/sequence/shortest.ts'

/** So many on each major, as `npm run crash` wants them; else some on the newest and a few on each other. */
const wanted = Number(process.env.LOCKKEEPER_SEQUENCES ?? 0)
const sequencesOn = (major: number) => (wanted > 0 ? wanted : major === newest ? 12 : 4)
/**
 * Of the first sequence; each other has the next. What is drawn comes back with a seed, its moments only roughly. The long
 * form draws others each time.
 */
const firstSeedOn = (major: number) =>
  Number(process.env.LOCKKEEPER_SEED ?? major * 1_000_000 + (wanted > 0 ? Date.now() % 1_000_000 : 0))
/** Sequences at once. Most of their time is waiting. */
const lanes = 4

describe.each(majors)('random sequences on PostgreSQL %i', (major) => {
  let server: EmbeddedPostgres
  let stop: () => Promise<void>
  beforeAll(async () => {
    ;({ server, stop } = await startServer({ major, settings: ['track_commit_timestamp = on'] }))
  })
  afterAll(() => stop())

  const count = sequencesOn(major)
  test(`of rollouts, undos, late pods, kills and plants, ${count}, keep every promise`, {
    timeout: 60_000 + count * 10_000,
  }, async () => {
    const began = Date.now()
    const firstSeed = firstSeedOn(major)
    const known = [...(major === newest && wanted === 0 ? shortest : [])]
    let seed = firstSeed
    let runs = 0
    let violations = 0
    const acts = new Map<Act['kind'], number>()
    const lane = async () => {
      while (known.length > 0 || seed < firstSeed + count) {
        const sequence = known.shift() ?? drawSequence(seed++)
        await withDatabase(server, async (database) => {
          const play = new Play(sequence, database)
          await play.perform()
          const wrong = new Set([...(await judgeQuiet(play, database)), ...(await settle(play, database))])
          runs += play.pods.length
          for (const { kind } of sequence.acts) acts.set(kind, (acts.get(kind) ?? 0) + 1)
          if (wrong.size > 0) violations += 1
          expect.soft([...wrong], play.describe()).toEqual([])
          await query(`${server.url}/postgres`, `drop database ${database.name} with (force)`)
        })
      }
    }
    await Promise.all(Array.from({ length: lanes }, lane))
    const kinds = [...acts].map(([kind, of]) => `${kind} ${of}`).join(', ')
    console.log(
      `PostgreSQL ${major}: ${count} sequences, ${runs} runs (${kinds}), ${violations} violations, ` +
        `${Math.round((Date.now() - began) / 1000)} s, LOCKKEEPER_SEED=${firstSeed}`,
    )
  })
})
