import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { SAFETY_CODES } from '../../src/migration/finding.ts'
import { currentRulesPage, RULES_PAGE } from '../tools/rules-page.ts'

test('docs/rules.md is what the rules say today (node test/tools/rules-page.ts writes it)', async () => {
  expect(readFileSync(RULES_PAGE, 'utf8')).toBe(await currentRulesPage())
})

test('docs/rules.md has a paragraph for every code', () => {
  const titles = [...readFileSync(RULES_PAGE, 'utf8').matchAll(/^### `([a-z-]+)`$/gm)].map(([, code]) => code)
  expect(titles.toSorted()).toEqual([...SAFETY_CODES].toSorted())
})
