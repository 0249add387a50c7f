import { join } from 'node:path'
import { expect, test } from 'vitest'
import { admit, deployment, shop, source } from '../tools/admission.ts'
import { release } from '../tools/example-files.ts'
import type { Files } from '../tools/runner.ts'

/** What people see, word for word: `npm test -- -u` writes the files anew, and the difference is part of a change. */
const golden = (name: string) => join(import.meta.dirname, 'golden', name)
const v = (target: string, more: Record<string, string> = {}) =>
  deployment({ 'lockkeeper.dev/schema-version': target, ...more }, `orders:${target}`)
const created = admit(v('2'), undefined, { source: source(release(2)), now: 1000 })
const rolled = admit(v('3'), created.object, { source: source(release(3)), now: 2000 })
const denied = (files: Files, annotations = {}) => {
  const { verdict } = admit(v('3', annotations), created.object, { source: source({ ...release(2), ...files }) })
  return verdict.allowed ? 'allowed' : verdict.message
}

test('a rollout without a down script is refused in these words', async () => {
  await expect(denied({ '3_add_status.up.sql': 'SELECT 1;' })).toMatchFileSnapshot(golden('denial.golden.txt'))
})

test('every finding is listed at once, each with its cure', async () => {
  const files = {
    '3_a.up.sql': '-- lockkeeper: irreversible it deletes old orders\nDELETE FROM orders;\nCOMMIT;\nSELECT 1;\n',
    '3_a.down.sql': '-- nothing to do\n',
    'notes.sql': 'SELECT 1;',
    '03_b.up.sql': 'SELECT 2;',
  }
  await expect(denied(files)).toMatchFileSnapshot(golden('denial-many.golden.txt'))
})

test('wrong annotations are named with what may stand there', async () => {
  const annotations = { 'lockkeeper.dev/on-rollback': 'never', 'config.lockkeeper.dev/deadline': 'soon' }
  await expect(denied({}, annotations)).toMatchFileSnapshot(golden('denial-annotations.golden.txt'))
})

test('the plan of a release, of one with 186 migrations, and of each way back are these warnings', async () => {
  const many = Object.fromEntries(
    Array.from({ length: 186 }, (_, i) => i + 3).flatMap((n) => [
      [`${n}_step.up.sql`, 'SELECT 1;'],
      [`${n}_step.down.sql`, 'SELECT 1;'],
    ]),
  )
  const big = admit(v('188'), created.object, { source: source({ ...release(2), ...many }) })
  const back = (onRollback: string) =>
    admit(v('2'), rolled.object, {
      source: source(release(2)),
      namespace: shop({ 'lockkeeper.dev/on-rollback': onRollback }),
      now: 3000,
    })
  const withFiles = admit(v('2'), rolled.object, {
    source: source(release(3)),
    namespace: shop({ 'lockkeeper.dev/on-rollback': 'always' }),
    now: 3000,
  })
  const shown = {
    'one migration': rolled,
    '186 migrations': big,
    'back under auto': back('auto'),
    'back under always': back('always'),
    'back under always, with the files of the release that is left': withFiles,
    'back under keep': back('keep'),
  }
  const text = Object.entries(shown).map(([title, { warnings }]) => `# ${title}\n${warnings.join('\n')}\n`)
  expect(big.warnings.join('').length).toBeLessThan(3500)
  await expect(text.join('\n')).toMatchFileSnapshot(golden('warnings.golden.txt'))
})

test('the patch of a new workload is this', async () => {
  const text = `${JSON.stringify(created.patch, null, 2)}\n`
  await expect(text).toMatchFileSnapshot(golden('patch.golden.json'))
})
