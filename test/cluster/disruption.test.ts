import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { images, installed, ready } from './tools/install.ts'
import { release, type Shop, withShop } from './tools/orders.ts'
import { type Applied, type Counted, withReviews } from './tools/reviews.ts'
import { get, must, mustKubectl, waitFor } from './tools/shell.ts'

installed('helm')

const chart = join(import.meta.dirname, '../../manifests/chart')
/** How the API server of the cluster is restarted: a command, where there is one. */
const restartApiServer = process.env.LOCKKEEPER_TEST_RESTART_API_SERVER ?? ''
const pods = async (): Promise<string[]> =>
  (await get('-n', 'lockkeeper', 'pods', '-l', 'app.kubernetes.io/name=lockkeeper')).items
    .filter(({ metadata }: { metadata: { deletionTimestamp?: string } }) => metadata.deletionTimestamp === undefined)
    .map(({ metadata }: { metadata: { name: string } }) => metadata.name)

/** Every request that the API server took was reviewed, and enough were on their way for that to mean something. */
function expectNoneFailed(what: string, { answered, failed, unreached }: Counted): void {
  console.log(
    `reviews through ${what}: ${answered} requests answered, ${failed.length} failed, ${unreached} while the API server was away`,
  )
  expect(failed).toEqual([])
  expect(answered).toBeGreaterThan(100)
}

async function reviewed(shop: Shop, during: () => Promise<void>): Promise<Counted> {
  await shop.files(release(1))
  await shop.deploy(1, { replicas: 0 })
  return withReviews(shop.object(1, { replicas: 0 }) as unknown as Applied, during)
}

describe('no review fails', () => {
  test('while our pods are replaced one by one', () =>
    withShop({}, async (shop) => {
      const counted = await reviewed(shop, async () => {
        await mustKubectl('-n', 'lockkeeper', 'rollout', 'restart', 'deployment/lockkeeper')
        await ready()
      })
      expectNoneFailed('a rolling restart', counted)
      expect(counted.unreached).toBe(0)
    }))

  test('while the chart is upgraded', () =>
    withShop({}, async (shop) => {
      const { webhook, runner } = images()
      const counted = await reviewed(shop, async () => {
        const set = [
          '--set',
          `images.webhook=${webhook}`,
          '--set',
          `images.runner=${runner}`,
          '--set',
          'logLevel=debug',
        ]
        await must('helm', ['upgrade', 'lockkeeper', chart, '-n', 'lockkeeper', '--wait', ...set])
        await ready()
      })
      expectNoneFailed('a chart upgrade', counted)
      expect(counted.unreached).toBe(0)
    }))

  test('while the Secret of the certificate is deleted, and made again', () =>
    withShop({}, async (shop) => {
      const before = (await get('-n', 'lockkeeper', 'secret', 'lockkeeper-tls')).metadata.uid
      const counted = await reviewed(shop, async () => {
        await mustKubectl('-n', 'lockkeeper', 'delete', 'secret', 'lockkeeper-tls')
        await waitFor('the Secret to be there again', async () => {
          const { metadata, data } = await get('-n', 'lockkeeper', 'secret', 'lockkeeper-tls')
          return metadata.uid !== before && (data?.['tls.crt'] ?? '') !== ''
        })
      })
      expectNoneFailed('a deleted Secret', counted)
      expect(counted.unreached).toBe(0)
    }))

  test.skipIf(restartApiServer === '')('while the API server restarts', () =>
    withShop({}, async (shop) => {
      const counted = await reviewed(shop, async () => {
        await must('sh', ['-c', restartApiServer])
        await waitFor('the API server to answer', async () => (await get('namespaces')).items.length > 0)
        await ready()
      })
      expectNoneFailed('a restart of the API server', counted)
    }),
  )
})

/** The API server sends no review twice (Go's transport repeats no POST), so what was on its way to a killed process fails. */
test('when one of two pods is killed, no review fails but those that were on their way to it', () =>
  withShop({}, async (shop) => {
    const [victim = ''] = await pods()
    const { answered, failed } = await reviewed(shop, async () => {
      await mustKubectl('-n', 'lockkeeper', 'delete', 'pod', victim, '--force', '--grace-period=0')
      await ready()
    })
    console.log(
      `reviews through a killed pod: ${answered} requests answered, ${failed.length} failed on their way to it`,
    )
    const times = failed.map((line) => Date.parse(line.split(' ')[0] ?? ''))
    expect(Math.max(0, ...times) - Math.min(...times, Number.MAX_SAFE_INTEGER)).toBeLessThan(1000)
    expect(failed.filter((line) => !/EOF|connection reset|refused/.test(line))).toEqual([])
    expect(answered).toBeGreaterThan(100)
  }))
