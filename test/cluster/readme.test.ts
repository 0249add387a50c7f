import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { images, uninstall } from './tools/install.ts'
import { kubectl, must } from './tools/shell.ts'

const root = join(import.meta.dirname, '../..')
const readme = readFileSync(join(root, 'README.md'), 'utf8')
/** Blocks for a shell; the first are the two commands for newcomers, which CI itself runs. */
const blocks = [...readme.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, text]) => text ?? '').slice(1)
/** What the README says is printed for version 2. */
const printed = /^```text\n(Warning[\s\S]*?)^```$/m.exec(readme)?.[1]?.trim().split('\n') ?? []
const released = () =>
  images().webhook === 'lockkeeper/webhook:0.1.0' &&
  images().runner === 'lockkeeper/runner:0.1.0' &&
  images().example === 'orders:1.0.0'

afterAll(async () => {
  await kubectl('delete', 'namespace', 'shop', '--ignore-not-found', '--wait=false')
  await uninstall('helm')
}, 120_000)

test('its commands work in the order in which they stand', async (context) => {
  if (!released()) context.skip('the images under test are not named as in the README')
  expect(blocks.length).toBeGreaterThan(6)
  expect(printed.length).toBeGreaterThan(3)
  // In one shell, as a person would: what one block does to its folder or environment the next one finds.
  const output = await must('bash', ['-euo', 'pipefail', '-c', `cd '${root}'\nexec 2>&1\n${blocks.join('\n')}`])
  expect(output).toContain('rollback-missing  3_rename_note.up.sql has no down script')
  for (const line of printed) expect(output).toContain(line)
  expect((await kubectl('get', 'mutatingwebhookconfiguration', 'lockkeeper')).code).toBe(1)
})
