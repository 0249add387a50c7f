import { beforeAll, describe, expect, test } from 'vitest'
import { SAFETY_CODES } from '../../src/migration/finding.ts'
import { readMigrations } from '../../src/migration/read.ts'
import { judge } from '../../src/safety/judge.ts'
import { rollbackRules } from '../../src/safety/rollback/rollback-rules.ts'
import type { Example, Rule } from '../../src/safety/rule.ts'
import { rules } from '../../src/safety/rules.ts'
import { loadParser, type Parse } from '../../src/sql/parser.ts'

let parse: Parse
beforeAll(async () => {
  parse = await loadParser()
})

/** The codes found in the up script of the last migration, and those of what the parser or the reader refuses. */
function codesIn(rule: Rule, example: Example): string[] {
  const { script, earlier, server, alone } = typeof example === 'string' ? { script: example } : example
  const text = alone === true ? `-- lockkeeper: no-transaction\n${script}` : script
  const files = [
    ...(earlier === undefined ? [] : [{ name: '1_earlier.up.sql', content: earlier }]),
    { name: '2_this.up.sql', content: text },
  ]
  const set = readMigrations(files)
  const { findings } = judge(set, { parse, ...(server !== undefined && { server }) })
  const unread = [...set.findings, ...findings].filter(({ code }) => code !== 'rollback-missing')
  expect(unread.filter(({ code }) => code.startsWith('sql-') || !SAFETY_CODES.some((each) => each === code))).toEqual(
    [],
  )
  return findings.filter(({ version, code }) => version === '2' && code === rule.code).map(({ code }) => code)
}

describe.each(rules.map((rule) => [rule.code, rule] as const))('%s', (_, rule) => {
  test.each(rule.examples.finds.map((example) => [textOf(example), example] as const))('finds %s', (_, example) =>
    expect(codesIn(rule, example)).not.toEqual([]),
  )

  test.each(rule.examples.passes.map((example) => [textOf(example), example] as const))('lets %s pass', (_, example) =>
    expect(codesIn(rule, example)).toEqual([]),
  )

  test('has three examples or more of both', () => {
    expect(rule.examples.finds.length).toBeGreaterThanOrEqual(3)
    expect(rule.examples.passes.length).toBeGreaterThanOrEqual(3)
  })
})

function textOf(example: Example): string {
  if (typeof example === 'string') return example
  const { earlier, script, server, alone } = example
  const where = [server && `on ${server}`, alone && 'alone', earlier && `after ${earlier}`].filter(Boolean)
  return where.length === 0 ? script : `${script} (${where.join(', ')})`
}

describe.each(rollbackRules.map((rule) => [rule.code, rule] as const))('%s', (_, rule) => {
  const codes = ({ up, down, earlier }: (typeof rule.examples.finds)[number]) => {
    const files = [
      ...(earlier === undefined ? [] : [{ name: '1_earlier.up.sql', content: earlier }]),
      { name: '2_this.up.sql', content: up },
      { name: '2_this.down.sql', content: down },
    ]
    const { findings } = judge(readMigrations(files), { parse })
    expect(findings.filter(({ code }) => code.startsWith('sql-'))).toEqual([])
    return findings.filter(({ code, version }) => code === rule.code && version === '2').map(({ severity }) => severity)
  }
  const row = (each: (typeof rule.examples.finds)[number]) => [each.up, each.down, each] as const

  test.each(rule.examples.finds.map(row))('finds %s / %s', (_up, _down, example) =>
    expect(codes(example)).toContain(rule.severity),
  )
  test.each(rule.examples.passes.map(row))('lets %s / %s pass', (_up, _down, example) =>
    expect(codes(example)).toEqual([]),
  )
  test('has three examples or more of both', () => {
    expect(rule.examples.finds.length).toBeGreaterThanOrEqual(3)
    expect(rule.examples.passes.length).toBeGreaterThanOrEqual(3)
  })
})

test('every code has a rule, but for those about what cannot be read', () => {
  const own = [...rules, ...rollbackRules].map(({ code }) => code)
  expect(['sql-rejected', 'sql-too-long', 'too-many-statements', ...own].sort()).toEqual([...SAFETY_CODES].sort())
})
