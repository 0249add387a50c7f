import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const root = join(import.meta.dirname, '..')
const page = readFileSync(join(root, 'SECURITY.md'), 'utf8')

test('every test that SECURITY.md names as the guard of a promise exists', () => {
  const named = [...page.matchAll(/`(test\/[^`]+\.test\.ts)`/g)].flatMap(([, file]) => file ?? [])
  expect(named.length).toBeGreaterThan(20)
  expect(named.filter((file) => !existsSync(join(root, file)))).toEqual([])
})

test('every page that SECURITY.md refers to exists', () => {
  const pages = [...page.matchAll(/\]\((docs\/[^)#]+)/g)].flatMap(([, file]) => file ?? [])
  expect(pages.length).toBeGreaterThan(2)
  expect(pages.filter((file) => !existsSync(join(root, file)))).toEqual([])
})
