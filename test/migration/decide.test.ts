import { describe, expect, test } from 'vitest'
import type { OnRollback } from '../../src/contract.ts'
import { type DecisionInput, decide, floorOf } from '../../src/migration/decide.ts'
import { holdOf, type Interval, lowestOf } from '../../src/migration/hold.ts'

const nothing = { low: '0', high: '0' }
const base: DecisionInput = {
  mode: 'migrate',
  target: '2',
  token: 5,
  onRollback: 'auto',
  strategy: 'RollingUpdate',
  belowFloor: 'warn',
  outOfOrder: false,
  recorded: { target: '2', token: 5, reached: null, stamped: false, interval: nothing },
  applied: [],
  files: [{ version: '1' }, { version: '2' }],
  others: [],
}
const applied = (...versions: string[]) => versions.map((version) => ({ version, floor: null, reversible: true }))

/** Another workload: where it wants to be, the lowest of its code that serves, and what it holds. */
const neighbours = [
  undefined,
  { target: '1', low: '1', holds: '1' },
  { target: '3', low: '3', holds: '3' },
  { target: '1', low: '0', holds: '3' },
  { target: '2', low: '0', holds: '2' },
]

/** Every combination of what the table distinguishes. */
function* combinations() {
  for (const mode of ['migrate', 'gate'] as const)
    for (const live of [[], ['1'], ['2'], ['1', '2'], ['1', '2', '3'], ['1', '3']])
      for (const onRollback of ['auto', 'always', 'keep'] as const)
        for (const strategy of ['RollingUpdate', 'Recreate'])
          for (const reached of [null, '2', '3'])
            for (const recordedToken of [5, 6])
              for (const stamped of [false, true])
                for (const interval of [nothing, { low: '3', high: '3' }, { low: undefined, high: '0' }])
                  for (const belowFloor of ['warn', 'refuse'] as const)
                    for (const floor of [null, '1', '3'])
                      for (const reversible of [true, false])
                        for (const other of neighbours) {
                          const even = recordedToken === 5
                          const input: DecisionInput = {
                            ...base,
                            ...{ mode, onRollback, strategy, belowFloor, outOfOrder: stamped },
                            recorded: { target: '2', token: recordedToken, reached, stamped, interval },
                            applied: live.map((version) => ({
                              version,
                              floor: version === '3' ? floor : '0',
                              reversible,
                            })),
                            files: [{ version: '1' }, { version: '2', ...(reversible && { floor: floor ?? '2' }) }],
                            others:
                              other === undefined ? [] : [{ cluster: 'c', workload: 'w', ...other, sameCluster: even }],
                          }
                          yield { input, live, reached, other, floor }
                        }
}

/** The table of the design, row by row, written as a person reads it. */
function expected({ input, live, reached, other, floor }: CombinationOf<typeof combinations>): string {
  const missing = ['1', '2'].filter((version) => !live.includes(version))
  const { recorded, token, onRollback, strategy, belowFloor } = input
  const { low, high } = recorded.interval
  const late = token < recorded.token
  const down = (): string => {
    if (onRollback === 'auto' && strategy !== 'Recreate') return 'wait schema-ahead-incompatible'
    if (onRollback === 'auto' && high === '3') return 'wait schema-ahead-incompatible'
    if (other?.holds === '3') return 'wait held-by-workload'
    return input.applied.every(({ reversible }) => reversible) ? 'down 3' : 'refuse rollback-impossible'
  }
  const row = (): string => {
    if (missing.length > 0) {
      if (late) return 'refuse superseded'
      const below = missing.some((version) => live.some((each) => Number(each) > Number(version)))
      if (below && !input.outOfOrder) return 'refuse out-of-order'
      const own = Number(input.files?.[1]?.floor ?? 0)
      const lowest = Math.min(Number(other?.low), Number(other?.target))
      const breaks = missing.includes('2') && other?.target === '1' && own > lowest && input.others[0]?.sameCluster
      return breaks ? 'wait breaks-workload' : `up ${missing.join(' ')}`
    }
    if (!live.includes('3') || onRollback === 'keep') return 'start'
    if (!late && reached === '3' && !recorded.stamped) {
      return floor === '1' && onRollback !== 'always' ? 'start' : down()
    }
    const serves = low === '0'
    if (floor !== '3' || (serves && belowFloor === 'warn')) return 'start'
    return late ? 'refuse superseded' : 'wait schema-ahead-incompatible'
  }
  const answer = row()
  return input.mode === 'gate' && answer !== 'start' ? 'wait schema-behind' : answer
}
type CombinationOf<F extends () => unknown> = ReturnType<F> extends Generator<infer T> ? T : never

const shown = (input: DecisionInput) => {
  const answer = decide(input)
  if (answer.kind === 'start') return 'start'
  if (answer.kind === 'up' || answer.kind === 'down') return `${answer.kind} ${answer.steps.join(' ')}`
  expect(answer.message.length > 10 && answer.fix.length > 10).toBe(true)
  return `${answer.kind} ${answer.code}`
}

describe('the decision', () => {
  test('is that of the table for every combination of its inputs', () => {
    let count = 0
    for (const each of combinations()) {
      const answer = shown(each.input)
      // Only then, since the text of each input takes longer than all the rest.
      if (answer !== expected(each)) expect(answer, JSON.stringify(each.input)).toBe(expected(each))
      count++
    }
    expect(count).toBe(155_520)
  })

  test('without files counts the target in the history as all', () => {
    expect(shown({ ...base, files: undefined, applied: applied('2') })).toBe('start')
    expect(shown({ ...base, files: undefined, applied: applied('1') })).toBe('up 2')
    expect(shown({ ...base, target: '0', files: undefined, applied: [] })).toBe('start')
  })

  test('goes down from the highest, and up from the lowest, by number', () => {
    const recorded = { ...base.recorded, reached: '10' }
    expect(shown({ ...base, onRollback: 'always', recorded, applied: applied('1', '2', '9', '10') })).toBe('down 10 9')
    expect(shown({ ...base, target: '10', files: ['10', '9', '1'].map((version) => ({ version })) })).toBe('up 1 9 10')
  })

  test('names another cluster, and how to forget it', () => {
    const others = [
      { cluster: 'uid', workload: 'a/Deployment/b', target: '3', low: '3', holds: '3', sameCluster: false },
    ]
    const answer = decide({
      ...base,
      onRollback: 'always',
      recorded: { ...base.recorded, reached: '3' },
      applied: applied('1', '2', '3'),
      others,
    })
    expect(answer).toMatchObject({
      kind: 'wait',
      code: 'held-by-workload',
      fix: expect.stringContaining('forget --cluster uid'),
    })
  })

  test('warns where the schema is ahead of what the code is known for', () => {
    expect(decide({ ...base, applied: applied('1', '2', '3') })).toMatchObject({
      kind: 'start',
      warnings: [expect.stringContaining('the schema is at 3')],
    })
  })
})

test('an unknown floor is the version itself', () => {
  expect(floorOf(applied('1', '2'))).toBe('2')
  expect(
    floorOf([
      { version: '1', floor: null },
      { version: '2', floor: '0' },
    ]),
  ).toBe('1')
  expect(floorOf([])).toBe('0')
})

test('a hold is the highest release that may serve, or is wanted; under always or Recreate the target alone', () => {
  const row = (onRollback: OnRollback, strategy = 'RollingUpdate', interval?: Interval) =>
    holdOf({ target: '2', reached: '3', onRollback, strategy, interval, lingering: '4' })
  expect(row('auto', undefined, { low: '1', high: '10' })).toBe('10')
  expect(row('auto', undefined, { low: undefined, high: '0' })).toBe('2')
  expect(row('always', undefined, { low: '1', high: '10' })).toBe('2')
  expect(row('keep', 'Recreate')).toBe('2')
  // A runner of layout 1.0 wrote it.
  expect(row('auto')).toBe('4')
})

test('a workload stands at its lowest code that may serve, and never above what it wants', () => {
  expect(lowestOf({ target: '2', interval: { low: '1', high: '2' } })).toBe('1')
  expect(lowestOf({ target: '2', interval: { low: '10', high: '10' } })).toBe('2')
  expect(lowestOf({ target: '2', interval: { low: undefined, high: '0' } })).toBe('2')
  expect(lowestOf({ target: '2', interval: undefined })).toBe('2')
})

describe('a version that was begun statement by statement, at or below the target', () => {
  const up = { version: '1', direction: 'up', reversible: true } as const
  const down = { ...up, direction: 'down' } as const
  const others = [
    { cluster: 'a', workload: 'n/Deployment/b', target: '0', low: '0', holds: '3', sameCluster: true },
  ] as const
  const inTheWay = { applied: applied('2'), others, files: [{ version: '1', floor: '1' }, { version: '2' }] }
  const finish = { kind: 'up', steps: ['1'], warnings: [] }

  test.each<[string, Partial<DecisionInput>, unknown]>([
    ['is finished before its order and its neighbours are asked for', { ...inTheWay, begun: [up] }, finish],
    ['is taken to the end of its way down first', { ...inTheWay, begun: [down] }, finish],
    ['is taken to the end of its way down without a file', { files: undefined, begun: [down] }, finish],
    [
      'is taken back where the files lack it',
      { files: [{ version: '2' }], begun: [up] },
      { kind: 'down', steps: ['1'] },
    ],
    [
      'and without a way back is named',
      { files: [{ version: '2' }], begun: [{ ...up, reversible: false }] },
      expect.objectContaining({ kind: 'refuse', code: 'in-doubt' }),
    ],
    [
      'is not taken back where no files say that it is gone',
      { applied: applied('2'), files: undefined, begun: [up] },
      expect.objectContaining({ kind: 'refuse', code: 'in-doubt' }),
    ],
    [
      'is left to the newest intent by a late pod',
      { token: 4, applied: applied('2'), files: undefined, begun: [up] },
      { kind: 'start', warnings: [] },
    ],
    [
      'is waited for by who moves nothing',
      { mode: 'gate', applied: applied('2'), begun: [up] },
      expect.objectContaining({ kind: 'wait', code: 'schema-behind' }),
    ],
  ])('%s', (_, more, answer) => {
    expect(decide({ ...base, ...more })).toEqual(answer)
  })
})
