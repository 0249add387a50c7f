import { describe, expect, test } from 'vitest'
import type { OnRollback } from '../../src/contract.ts'
import { type DecisionInput, decide, floorOf } from '../../src/migration/decide.ts'
import { holdOf } from '../../src/migration/hold.ts'

const base: DecisionInput = {
  mode: 'migrate',
  target: '2',
  token: 5,
  onRollback: 'auto',
  strategy: 'RollingUpdate',
  outOfOrder: false,
  recorded: { target: '2', token: 5, reached: null },
  applied: [],
  files: [{ version: '1' }, { version: '2' }],
  others: [],
}
const applied = (...versions: string[]) => versions.map((version) => ({ version, floor: null, reversible: true }))

/** Every combination of what the table distinguishes, and the row that must answer. */
function* combinations() {
  for (const mode of ['migrate', 'gate'] as const)
    for (const live of [[], ['1'], ['2'], ['1', '2'], ['1', '2', '3'], ['1', '3']])
      for (const onRollback of ['auto', 'always', 'keep'] as const)
        for (const strategy of ['RollingUpdate', 'Recreate'])
          for (const reached of [null, '2', '3'])
            for (const recordedToken of [5, 6])
              for (const outOfOrder of [false, true])
                for (const floor of [null, '1'])
                  for (const reversible of [true, false])
                    for (const holds of [undefined, '1', '3'])
                      for (const fileFloor of [undefined, '2'])
                        for (const sameCluster of [true, false]) {
                          const input: DecisionInput = {
                            ...base,
                            mode,
                            onRollback,
                            strategy,
                            outOfOrder,
                            recorded: { target: '2', token: recordedToken, reached },
                            applied: live.map((version) => ({
                              version,
                              floor: version === '3' ? floor : '0',
                              reversible,
                            })),
                            files: [{ version: '1' }, { version: '2', ...(fileFloor && { floor: fileFloor }) }],
                            others: holds === undefined ? [] : [{ cluster: 'c', workload: 'w', holds, sameCluster }],
                          }
                          yield { input, live, reached, holds, floor, fileFloor }
                        }
}

/** The table of the design, row by row, written as a person reads it. */
function expected({
  input,
  live,
  reached,
  holds,
  floor,
  fileFloor,
}: ReturnType<typeof combinations> extends Generator<infer T> ? T : never): string {
  const missing = ['1', '2'].filter((version) => !live.includes(version))
  const above = live.includes('3')
  const lowering = input.recorded.token === input.token && reached === '3'
  const compatible = floor === '1'
  const row = (): string => {
    if (missing.length === 0) {
      if (!above || !lowering) return 'start'
      if (input.onRollback === 'keep' || (compatible && input.onRollback !== 'always')) return 'start'
      if (input.onRollback === 'auto' && input.strategy !== 'Recreate') return 'wait schema-ahead-incompatible'
      if (holds === '3') return 'wait held-by-workload'
      return input.applied.some(({ version, reversible }) => version === '3' && !reversible)
        ? 'refuse rollback-impossible'
        : 'down 3'
    }
    if (input.token < input.recorded.token) return 'refuse superseded'
    const late = missing.some((version) => live.some((each) => Number(each) > Number(version)))
    if (late && !input.outOfOrder) return 'refuse out-of-order'
    const breaks = fileFloor === '2' && missing.includes('2') && holds === '1' && input.others[0]?.sameCluster
    return breaks ? 'wait breaks-workload' : `up ${missing.join(' ')}`
  }
  const answer = row()
  return input.mode === 'gate' && answer !== 'start' ? 'wait schema-behind' : answer
}

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
      expect(shown(each.input), JSON.stringify(each.input)).toBe(expected(each))
      count++
    }
    expect(count).toBe(41_472)
  })

  test('without files counts the target in the history as all', () => {
    expect(shown({ ...base, files: undefined, applied: applied('2') })).toBe('start')
    expect(shown({ ...base, files: undefined, applied: applied('1') })).toBe('up 2')
    expect(shown({ ...base, target: '0', files: undefined, applied: [] })).toBe('start')
  })

  test('goes down from the highest, and up from the lowest, by number', () => {
    const recorded = { target: '2', token: 5, reached: '10' }
    expect(shown({ ...base, onRollback: 'always', recorded, applied: applied('1', '2', '9', '10') })).toBe('down 10 9')
    expect(shown({ ...base, target: '10', files: ['10', '9', '1'].map((version) => ({ version })) })).toBe('up 1 9 10')
  })

  test('names another cluster, and how to forget it', () => {
    const others = [{ cluster: 'uid', workload: 'a/Deployment/b', holds: '3', sameCluster: false }]
    const answer = decide({
      ...base,
      onRollback: 'always',
      recorded: { target: '2', token: 5, reached: '3' },
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

test('a hold is the highest of target, reached and what lingers; under always or Recreate the target alone', () => {
  const row = (onRollback: OnRollback, strategy = 'RollingUpdate') => ({
    target: '2',
    reached: '3',
    onRollback,
    strategy,
    lingering: '4',
  })
  expect(holdOf(row('auto'))).toBe('4')
  expect(holdOf(row('always'))).toBe('2')
  expect(holdOf(row('keep', 'Recreate'))).toBe('2')
})
