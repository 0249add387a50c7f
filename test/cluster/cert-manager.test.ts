import { type ChildProcess, spawn } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { release } from '../tools/example-files.ts'
import { images, ready, uninstall } from './tools/install.ts'
import { withShop } from './tools/orders.ts'
import { servedUntil } from './tools/pods.ts'
import { type Applied, withReviews } from './tools/reviews.ts'
import { get, must, mustKubectl, waitFor } from './tools/shell.ts'

/** A folder with cert-manager's programs `controller` and `cainjector`, and its CRDs in `crds/`. */
const programs = process.env.LOCKKEEPER_TEST_CERT_MANAGER
const ours = ['-n', 'lockkeeper']

/** The other tests play its part: what it really writes is seen where its programs are (see `programs`). */
describe.skipIf(programs === undefined)('with the real cert-manager', () => {
  const folder = programs ?? ''
  const running: ChildProcess[] = []

  beforeAll(async () => {
    await mustKubectl('apply', '--server-side', '-f', join(folder, 'crds'))
    const kubeconfig = `--kubeconfig=${process.env.LOCKKEEPER_TEST_KUBECONFIG}`
    const alone = ['--leader-elect=false', kubeconfig]
    running.push(
      spawn(join(folder, 'controller'), [...alone, '--metrics-listen-address=127.0.0.1:19402'], { stdio: 'ignore' }),
      spawn(join(folder, 'cainjector'), alone, { stdio: 'ignore' }),
    )
  })

  afterAll(async () => {
    await uninstall('helm')
    for (const child of running) {
      child.kill('SIGTERM')
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    }
    await mustKubectl('delete', '--ignore-not-found', '-f', join(folder, 'crds'))
  })

  const issued = async () => (await get(...ours, 'secret', 'lockkeeper-cert-manager')).data['tls.crt'] as string
  const trusted = async () =>
    (await get('validatingwebhookconfiguration', 'lockkeeper')).webhooks[0].clientConfig.caBundle as string

  test('it issues, its injector has both configurations trust it, and a renewal fails no review', async () => {
    const { webhook, runner } = images()
    const set = `images.webhook=${webhook},images.runner=${runner},certificates.mode=cert-manager`
    const chart = join(import.meta.dirname, '../../manifests/chart')
    await must('helm', ['upgrade', '--install', 'lockkeeper', chart, ...ours, '--create-namespace', '--set', set])
    await ready()
    await must('helm', ['test', 'lockkeeper', ...ours])
    await withShop({}, async (shop) => {
      await shop.files(release(1))
      await shop.deploy(1, { replicas: 0 })
      expect(JSON.stringify(await get('-n', shop.namespace, 'deployment', 'orders'))).toContain('lockkeeper-migrate')
      const [first, ca] = [await issued(), await trusted()]
      const counted = await withReviews(shop.object(1, { replicas: 0 }) as unknown as Applied, async () => {
        // What `cmctl renew` does.
        const issuing = { type: 'Issuing', status: 'True', reason: 'ManuallyTriggered', message: 'a test' }
        const condition = { ...issuing, lastTransitionTime: new Date().toISOString() }
        const { conditions } = (await get(...ours, 'certificate', 'lockkeeper')).status
        const patch = JSON.stringify({ status: { conditions: [...conditions, condition] } })
        const certificate = ['certificate', 'lockkeeper', '--subresource=status', '--type=merge', '-p', patch]
        await mustKubectl(...ours, 'patch', ...certificate)
        await waitFor('another certificate', async () => (await issued()) !== first)
        const until = Math.floor(
          new X509Certificate(Buffer.from(await issued(), 'base64')).validToDate.getTime() / 1000,
        )
        // The kubelet brings it into the pods in a minute or two, the service looks every 5 seconds.
        await waitFor('both pods to serve it', async () => (await servedUntil()).every((each) => each === until), 240)
      })
      console.log(
        `cert-manager renews: ${counted.answered} answered, ${counted.failed.length} failed, ${counted.unreached} while the API server was away`,
      )
      expect(counted.failed).toEqual([])
      expect(await trusted()).toBe(ca)
    })
  })
})
