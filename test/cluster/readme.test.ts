import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { images, uninstall } from './tools/install.ts'
import { kubectl, must } from './tools/shell.ts'

const root = join(import.meta.dirname, '../..')
const readme = readFileSync(join(root, 'README.md'), 'utf8')
/** Blocks for a shell; the first are the two commands for newcomers, which CI itself runs. */
const blocks = [...readme.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, text]) => text ?? '').slice(1)
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
  for (const block of blocks) {
    const output = await must('bash', ['-euo', 'pipefail', '-c', `cd '${root}'\n${block}`])
    expect(output).toBeDefined()
  }
  expect((await kubectl('get', 'mutatingwebhookconfiguration', 'lockkeeper')).code).toBe(1)
})
