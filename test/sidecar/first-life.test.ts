import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { beginLife } from '../../sidecar/first-life.ts'
import { RunFailure } from '../../src/postgres/failure.ts'

const env = {
  HOSTNAME: 'orders-1',
  LOCKKEEPER_NAMESPACE: 'shop',
  LOCKKEEPER_STRATEGY: 'RollingUpdate',
  LOCKKEEPER_TOKEN: '7',
}
const MINUTE = 60_000
const failure = new RunFailure('schema-ahead-incompatible', 'the schema is ahead', 'use Recreate', { version: '2' })
let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lockkeeper-life-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

test('a container says once, early, why it waits, and waits until its deadline when it was started again', () => {
  const first = beginLife(env, folder)
  expect(first.deadlineOf(10 * MINUTE)).toBe(1.5 * MINUTE)
  const said = first.said(failure, 10 * MINUTE)
  expect(said).toMatchObject({ code: failure.code, message: failure.message, place: { version: '2' } })
  expect(said.fix).toBe('use Recreate (this is said once, early: it starts again by itself and waits for 10m more)')
  const again = beginLife(env, folder)
  expect(again.deadlineOf(10 * MINUTE)).toBe(10 * MINUTE)
  expect(again.said(failure, 10 * MINUTE)).toBe(failure)
})

test('a shorter deadline stays as it is, and so do its words', () => {
  const first = beginLife(env, folder)
  expect(first.deadlineOf(MINUTE)).toBe(MINUTE)
  expect(first.said(failure, MINUTE)).toBe(failure)
})

test('another pod, and a new wish in the same pod, have first lives of their own', () => {
  for (const each of [env, { ...env, HOSTNAME: 'orders-2' }, { ...env, LOCKKEEPER_TOKEN: '8' }])
    expect(beginLife(each, folder).deadlineOf(10 * MINUTE)).toBe(1.5 * MINUTE)
})

test.each([
  ['a Job, where each end counts', { ...env, LOCKKEEPER_STRATEGY: undefined }],
  ['a process outside a pod', { ...env, LOCKKEEPER_NAMESPACE: undefined }],
])('%s waits until its deadline at once, and leaves nothing behind', (_, given) => {
  expect(beginLife(given, folder).deadlineOf(10 * MINUTE)).toBe(10 * MINUTE)
  expect(readdirSync(folder)).toEqual([])
})

test('where nothing can be left for the next life, nothing is said early', () => {
  expect(beginLife(env, join(folder, 'missing')).deadlineOf(10 * MINUTE)).toBe(10 * MINUTE)
})

test('an application that starts finds nothing of it in its pod', () => {
  const life = beginLife(env, folder)
  expect(readdirSync(folder)).toHaveLength(1)
  life.end()
  expect(readdirSync(folder)).toEqual([])
})
