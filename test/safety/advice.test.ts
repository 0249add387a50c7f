import { beforeAll, expect, test } from 'vitest'
import { pairOf } from '../../src/safety/rollback/pair.ts'
import { rollbackRules } from '../../src/safety/rollback/rollback-rules.ts'
import { rules } from '../../src/safety/rules.ts'
import { loadParser, type Parse } from '../../src/sql/parser.ts'
import { Schema } from '../../src/sql/schema.ts'
import { readScript } from '../../src/sql/statement.ts'
import { foundIn, scriptsOf } from '../tools/rules-page.ts'

let parse: Parse
beforeAll(async () => {
  parse = await loadParser()
})

const advised = rules.flatMap((rule) =>
  rule.examples.finds.map((example) => [rule.code, scriptsOf(example).scripts.at(-1) ?? '', rule, example] as const),
)

test.each(advised)(
  '%s: what is advised in the place of %s can be pasted, and is not found again',
  (_code, _text, rule, example) => {
    const { scripts, server } = scriptsOf(example)
    const found = foundIn(rule, scripts, parse, server).at(-1) ?? []
    expect(found).not.toEqual([])
    for (const { sql, message, fix } of found) {
      expect(`${message}${fix}`).not.toContain('\n')
      for (const statement of sql) {
        expect(statement).toMatch(/;$/)
        expect(parse(statement)).not.toHaveProperty('message')
      }
      // What the user's own script made before it is known; the statement itself is what is replaced.
      const again = foundIn(rule, [...scripts.slice(0, -1), ...sql], parse, server)
      expect(again.slice(scripts.length - 1).flat()).toEqual([])
    }
  },
)

test('most rules advise statements', () => {
  const silent = rules.filter((rule) =>
    rule.examples.finds.every((each) => {
      const { scripts, server } = scriptsOf(each)
      return foundIn(rule, scripts, parse, server)
        .flat()
        .every(({ sql }) => sql.length === 0)
    }),
  )
  // There is no statement that does the same without the lock, or it is a matter of two releases.
  expect(silent.map(({ code }) => code)).toEqual([
    'adds-and-drops',
    'cluster-blocks-reads',
    'drop-breaks-clients',
    'exclusion-builds-under-lock',
    'lock-timeout-replaced',
    'several-exclusive-locks',
    'storage-change-rewrites-table',
  ])
})

const pairs = rollbackRules.flatMap((rule) =>
  rule.examples.finds.map((example) => [rule.code, example.up, example.down, rule] as const),
)

test.each(pairs)('%s: what is advised for %s / %s can be pasted', (_code, up, down, rule) => {
  const read = (text: string) => readScript({ file: 'x', line: 1, text, checksum: '' }, parse)
  const found = rule.find(pairOf(read(up), read(down), new Schema(), []))
  for (const { sql } of found) for (const each of sql) expect(parse(each)).not.toHaveProperty('message')
})
