import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { LIMITS } from '../src/limits.ts'
import { LIMITS_PAGE, limitsPage } from './tools/limits-page.ts'

test('docs/limits.md is what the code goes by today (node test/tools/limits-page.ts writes it)', () => {
  expect(readFileSync(LIMITS_PAGE, 'utf8')).toBe(limitsPage())
})

test('each bound says what it bounds, what happens above it, and why', () => {
  for (const { value, bounds, above, why } of Object.values(LIMITS)) {
    expect(value).toBeGreaterThan(0)
    for (const text of [bounds, above, why]) expect(text.length).toBeGreaterThan(10)
  }
})
