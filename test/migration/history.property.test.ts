import { describe, expect, test } from 'vitest'
import { type Decision, type DecisionInput, decide } from '../../src/migration/decide.ts'
import { holdOf } from '../../src/migration/hold.ts'
import { firstWrong } from './history/events.ts'
import { type Rules, real } from './history/world.ts'

/**
 * Histories of two workloads with late, restarted, killed and failed pods, whose runs stand still between any two of
 * their transactions (`history/world.ts`), with the real `decide`. `LOCKKEEPER_HISTORIES=300000` tries so many of them,
 * and looks for each wrong rule from the first one on.
 */
const asked = Number(process.env.LOCKKEEPER_HISTORIES ?? 0)
const COUNT = asked || 60_000

test('no history lets a pod start without its schema or under a known break, or a late or restarted one move anything', () => {
  const found = firstWrong(real, 0, COUNT)
  expect(found, found?.story).toBeUndefined()
}, 3_600_000)

const changed = (change: (input: DecisionInput) => Partial<DecisionInput>): Partial<Rules> => ({
  decide: (input) => decide({ ...input, ...change(input) }),
})
const recorded = (change: Partial<DecisionInput['recorded']>) =>
  changed((input) => ({ recorded: { ...input.recorded, ...change } }))
const answered = (change: (answer: Decision, input: DecisionInput) => Decision): Partial<Rules> => ({
  decide: (input) => change(decide(input), input),
})
const waits = (code: 'schema-ahead-incompatible' | 'held-by-workload', message = ''): Decision => ({
  kind: 'wait',
  code,
  message,
  fix: '',
})

/**
 * Rules that are wrong in one place, and where to begin to look for a history that shows it: after a change of the
 * histories, the long form says the new places.
 */
const mutants: [string, Partial<Rules>, number][] = [
  ['asks the fence in the header alone', { fence: false }, 0],
  ['does not ask in the trailer of an up whom it breaks', { holds: false }, 700],
  ['does not decide again in the trailer of a down', { downAgain: false }, 6_800],
  ['does not look again under the lock', { relook: false }, 0],
  ['lets a start count at any epoch', { epoch: false }, 13_200],
  ['forgets that a late pod serves', { lateWidens: false }, 0],
  ['lets the grace of a late pod be over at once', { lateRenews: false }, 43_800],
  ['forgets with each intent what may serve', { carried: false }, 0],
  ['believes that pods of before a Recreate serve', { recreateClears: false }, 0],
  ['forgets what was applied and left', { peak: false }, 0],
  ['forgets what a step took further', { raises: false }, 0],
  ['takes the target for the lowest that serves', { lowestOf: ({ target }) => target }, 0],
  ['holds its target alone', { holdOf: (row) => row.target }, 0],
  [
    'holds what an always workload reached',
    { holdOf: (row) => holdOf({ ...row, onRollback: 'keep', strategy: '' }) },
    9_600,
  ],
  ['takes a restart for a first start', recorded({ stamped: false }), 0],
  ['starts below a known floor', recorded({ interval: { low: '0', high: '0' } }), 0],
  ['does not ask what others hold', changed(() => ({ others: [] })), 0],
  [
    'takes a rolling update for a Recreate',
    changed((input) => ({
      strategy: 'Recreate',
      recorded: { ...input.recorded, interval: { ...input.recorded.interval, high: '0' } },
    })),
    0,
  ],
  ['takes keep for always', changed(() => ({ onRollback: 'always' })), 0],
  ['starts below its target', changed(() => ({ files: [] })), 0],
  [
    'takes an unknown floor for permission on the way back',
    changed(({ applied }) => ({ applied: applied.map((each) => ({ ...each, floor: each.floor ?? '0' })) })),
    0,
  ],
  ['never lowers', answered((answer) => (answer.kind === 'down' ? waits('schema-ahead-incompatible') : answer)), 0],
  [
    'names another workload before its own obstacle',
    answered((answer, { others, target }) => {
      const holder = others.find(({ holds }) => Number(holds) > Number(target))
      const own = 'code' in answer && answer.code === 'schema-ahead-incompatible'
      return own && holder !== undefined ? waits('held-by-workload', holder.workload) : answer
    }),
    5_700,
  ],
]

describe('a rule that is wrong is found out: one that', () => {
  test.each(mutants)(
    '%s',
    (_, wrong, from) => {
      const found =
        asked > 0 ? firstWrong({ ...real, ...wrong }, 0, asked) : firstWrong({ ...real, ...wrong }, from, 2_000)
      if (asked > 0) console.log(`${_}: ${found?.seed} ${found?.kind}`)
      expect(found).toBeDefined()
    },
    3_600_000,
  )
})
