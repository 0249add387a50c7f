import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll } from 'vitest'
import { get, must, mustKubectl, run, waitFor } from './shell.ts'

const root = join(import.meta.dirname, '../../..')
const image = (name: string) => {
  const found = process.env[`LOCKKEEPER_TEST_IMAGE_${name}`]
  if (found === undefined || found === '') throw new Error(`LOCKKEEPER_TEST_IMAGE_${name} names no image`)
  return found
}
export const images = () => ({ webhook: image('WEBHOOK'), runner: image('RUNNER'), example: image('EXAMPLE') })

export type Installer = 'helm' | 'helm4' | 'kubectl'

/** Installs as the README says, with the images under test. */
export async function install(by: Installer): Promise<void> {
  const { webhook, runner } = images()
  if (by === 'kubectl') {
    const manifest = readFileSync(join(root, 'manifests/install.yaml'), 'utf8')
      .replaceAll('lockkeeper/webhook:0.1.0', webhook)
      .replaceAll('lockkeeper/runner:0.1.0', runner)
    await must('kubectl', ['apply', '-f', '-'], { input: manifest })
  } else {
    await must(by, [
      ...[
        'upgrade',
        '--install',
        'lockkeeper',
        join(root, 'manifests/chart'),
        '-n',
        'lockkeeper',
        '--create-namespace',
      ],
      ...['--set', `images.webhook=${webhook}`, '--set', `images.runner=${runner}`],
    ])
  }
  await ready()
}

/** Both pods are ready, and the API server reaches them. */
export async function ready(): Promise<void> {
  await mustKubectl('-n', 'lockkeeper', 'rollout', 'status', 'deployment/lockkeeper', '--timeout=180s')
  await waitFor('two endpoints', async () => {
    const { subsets } = await get('-n', 'lockkeeper', 'endpoints', 'lockkeeper')
    return subsets?.[0]?.addresses?.length === 2
  })
}

export async function uninstall(by: Installer): Promise<void> {
  if (by === 'kubectl')
    await run('kubectl', ['delete', '--ignore-not-found', '-f', join(root, 'manifests/install.yaml'), '--wait=true'])
  else await run(by, ['uninstall', 'lockkeeper', '-n', 'lockkeeper', '--wait'])
  await run('kubectl', ['delete', 'namespace', 'lockkeeper', '--ignore-not-found', '--wait=true'])
}

/** For a test file that needs an installation: it is there before its first test, and gone after its last. */
export function installed(by: Installer): void {
  beforeAll(() => install(by), 300_000)
  afterAll(() => uninstall(by), 120_000)
}
