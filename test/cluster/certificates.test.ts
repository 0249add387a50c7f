import { join } from 'node:path'
import { ApiException, AppsV1Api, KubeConfig, type V1Deployment } from '@kubernetes/client-node'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { expiryOf } from '../../certs/inspect.ts'
import { type Bundle, issueBundle } from '../../certs/issue.ts'
import { readSecret } from '../../src/kubernetes/bundle-store.ts'
import { makeClients } from '../../src/kubernetes/clients.ts'
import { readTrusts } from '../../src/kubernetes/webhooks.ts'
import { images, install, ready, uninstall } from './tools/install.ts'
import { metricsOf, pods, servedUntil } from './tools/pods.ts'
import { get, kubectl, must, mustApply, mustKubectl, waitFor } from './tools/shell.ts'

const namespace = 'lockkeeper-test-certificates'
const serviceNames = ['svc', 'svc.cluster.local']
  .map((end) => `lockkeeper.lockkeeper.${end}`)
  .concat('lockkeeper.lockkeeper')
const configurations = ['mutatingwebhookconfigurations', 'validatingwebhookconfigurations'] as const
const keys: Record<keyof Bundle, string> = { ca: 'ca.crt', caKey: 'ca.key', cert: 'tls.crt', key: 'tls.key' }
const base64 = (text: string) => Buffer.from(text).toString('base64')

/** Asks for a review by both webhooks, and changes nothing. Its workload lacks its ConfigMap, so it is denied. */
const workload: V1Deployment = {
  metadata: {
    name: 'reviewed',
    namespace,
    annotations: { 'lockkeeper.dev/schema-version': '1', 'lockkeeper.dev/migrations': 'configmap/none' },
  },
  spec: {
    selector: { matchLabels: { app: 'reviewed' } },
    template: { metadata: { labels: { app: 'reviewed' } }, spec: { containers: [{ name: 'app', image: 'app:1' }] } },
  },
}

/** Reviews all the time, made by the API server. One fails when it was not answered. */
class Reviews {
  readonly #api: AppsV1Api
  readonly #running: Promise<void>[]
  #over = false
  answered = 0
  readonly failures: string[] = []

  constructor() {
    const kubeConfig = new KubeConfig()
    kubeConfig.loadFromFile(process.env.LOCKKEEPER_TEST_KUBECONFIG ?? '')
    this.#api = kubeConfig.makeApiClient(AppsV1Api)
    this.#running = [1, 2, 3, 4].map(() => this.#ask())
  }

  async #ask(): Promise<void> {
    while (!this.#over) {
      try {
        await this.#api.createNamespacedDeployment({ namespace, body: workload, dryRun: 'All' })
        this.answered++
      } catch (error) {
        if (error instanceof ApiException && error.code === 403) this.answered++
        else this.failures.push(String(error instanceof ApiException ? error.body : error))
      }
      await new Promise((resolve) => setTimeout(resolve, 30))
    }
  }

  async more(count = 20): Promise<void> {
    const before = this.answered
    await waitFor('reviews to be answered', async () => this.answered > before + count, 60)
  }

  async stop(): Promise<void> {
    this.#over = true
    await Promise.all(this.#running)
  }
}

const data = async (): Promise<Record<string, string>> =>
  (await get('-n', 'lockkeeper', 'secret', 'lockkeeper-tls')).data ?? {}
const caBundles = async (): Promise<string[]> => {
  const found = await Promise.all(configurations.map((kind) => get(kind, 'lockkeeper')))
  return found.map(({ webhooks }) => webhooks[0].clientConfig.caBundle ?? '')
}
const holder = async (): Promise<string> =>
  ((await get('-n', 'lockkeeper', 'lease', 'lockkeeper')).spec?.holderIdentity ?? '').split('_')[0]
const patchSecret = (...patch: object[]) =>
  mustKubectl('-n', 'lockkeeper', 'patch', 'secret', 'lockkeeper-tls', '--type=json', '-p', JSON.stringify(patch))

/** The four parts are there, both configurations trust the CAs, and it is not what somebody else wrote. */
async function whole(harmed: Readonly<Record<string, string>>): Promise<boolean> {
  const [found, trusted] = [await data(), await caBundles()]
  return (
    Object.values(keys).every((key) => (found[key] ?? '') !== '' && found[key] !== harmed[key]) &&
    trusted.every((caBundle) => caBundle === found['ca.crt'])
  )
}

/** Harms something amid reviews, waits the five seconds that are promised, and counts. */
async function during(what: string, harm: () => Promise<unknown>, healed: () => Promise<boolean>): Promise<Reviews> {
  const reviews = new Reviews()
  try {
    await reviews.more()
    await harm()
    const began = performance.now()
    await waitFor(`${what} to heal`, healed, 5)
    const ms = Math.round(performance.now() - began)
    await reviews.more()
    console.log(`${what}: healed after ${ms} ms, ${reviews.failures.length} of ${reviews.answered} reviews failed`)
    return reviews
  } finally {
    await reviews.stop()
  }
}

let foreign: Bundle

beforeAll(async () => {
  await install('helm')
  foreign = await issueBundle({ names: serviceNames, now: new Date() })
  await mustApply({
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: namespace, labels: { 'lockkeeper.dev/admission': 'enabled' } },
  })
}, 300_000)
afterAll(async () => {
  await kubectl('delete', 'namespace', namespace, '--ignore-not-found', '--wait=false')
  await uninstall('helm')
}, 120_000)

describe('no review fails', () => {
  test('when the Secret is deleted: it comes back as it was', async () => {
    const before = await data()
    const { failures } = await during(
      'a deleted Secret',
      () => mustKubectl('-n', 'lockkeeper', 'delete', 'secret', 'lockkeeper-tls'),
      async () => JSON.stringify(await data()) === JSON.stringify(before),
    )
    expect(failures).toEqual([])
  })

  const spoiled: [string, () => Partial<Bundle>][] = [
    ['emptied', () => ({ ca: '', caKey: '', cert: '', key: '' })],
    ['given garbage for all of it', () => ({ ca: 'garbage', caKey: 'garbage', cert: 'garbage', key: 'garbage' })],
    ['given the key of another pair', () => ({ key: foreign.key })],
    ['given garbage for a certificate', () => ({ cert: 'garbage' })],
    ['given the CA of others', () => ({ ca: foreign.ca })],
    ['exchanged for the bundle of others', () => foreign],
  ]
  test.each(spoiled)('when the Secret is %s', async (what, spoil) => {
    const harmed = Object.fromEntries(
      Object.entries(spoil()).map(([part, text]) => [keys[part as keyof Bundle], base64(text)]),
    )
    const patch = Object.entries(harmed).map(([key, value]) => ({
      op: 'replace',
      path: `/data/${key}`,
      value,
    }))
    const { failures } = await during(
      `a Secret ${what}`,
      () => patchSecret(...patch),
      () => whole(harmed),
    )
    expect(failures).toEqual([])
  })

  test('when a new CA is asked for by taking the CA key away: it comes in three phases', async () => {
    const before = await data()
    const reviews = new Reviews()
    await patchSecret({ op: 'remove', path: '/data/ca.key' })
    const overlap = await waitFor('both CAs to be trusted', async () => {
      const found = await data()
      const trusted = await caBundles()
      const both = found['ca.key'] !== undefined && found['ca.crt'] !== before['ca.crt']
      return both && trusted.every((each) => each === found['ca.crt']) && found
    })
    expect(Buffer.from(overlap['ca.crt'] ?? '', 'base64').toString()).toContain(
      Buffer.from(before['ca.crt'] ?? '', 'base64').toString(),
    )
    expect(overlap['tls.crt']).toBe(before['tls.crt'])
    await waitFor('the new CA to sign', async () => (await data())['tls.crt'] !== before['tls.crt'], 150)
    await waitFor('both to be ready', async () => (await caBundles()).every((each) => each === overlap['ca.crt']))
    await reviews.more(100)
    await reviews.stop()
    console.log(`a new CA: ${reviews.failures.length} of ${reviews.answered} reviews failed`)
    expect(reviews.failures).toEqual([])
    await ready()
  })
})

describe('what fails until it heals is counted', () => {
  const patch = (kind: (typeof configurations)[number], operation: object) =>
    mustKubectl('patch', kind, 'lockkeeper', '--type=json', '-p', JSON.stringify([operation]))
  const path = '/webhooks/0/clientConfig/caBundle'
  const edits: [string, () => Promise<unknown>][] = [
    ['a configuration without a caBundle', () => patch(configurations[0], { op: 'remove', path })],
    [
      'a configuration with the CA of others',
      () => patch(configurations[1], { op: 'replace', path, value: base64(foreign.ca) }),
    ],
    ['both without', () => Promise.all(configurations.map((kind) => patch(kind, { op: 'remove', path })))],
  ]
  test.each(edits)('%s', async (what, edit) => {
    const before = await caBundles()
    const healed = async () => (await caBundles()).every((each, i) => each === before[i])
    const { answered, failures } = await during(what, edit, healed)
    expect(answered).toBeGreaterThan(failures.length)
    for (const failure of failures) expect(failure).toMatch(/x509|certificate/)
  })
})

describe('two replicas', () => {
  const leaders = async () => {
    const texts = await Promise.all((await pods()).map(metricsOf))
    return texts.map((text) => /^lockkeeper_leader (\d)$/m.exec(text)?.[1]).sort()
  }

  test('agree on who writes, and say so in their metrics', async () => {
    expect(await pods()).toContain(await holder())
    await waitFor('one leader', async () => (await leaders()).join() === '0,1', 20)
  })

  test('make a deleted Lease again', async () => {
    await mustKubectl('-n', 'lockkeeper', 'delete', 'lease', 'lockkeeper')
    await waitFor('a Lease', async () => (await pods()).includes(await holder()), 30)
  })

  test('hand it over when the one that has it is deleted with force, and the other heals', async () => {
    const gone = await holder()
    const reviews = new Reviews()
    await reviews.more()
    await mustKubectl('-n', 'lockkeeper', 'delete', 'pod', gone, '--force', '--grace-period=0')
    const began = performance.now()
    await waitFor('another holder', async () => !['', gone].includes(await holder()), 60)
    const ms = Math.round(performance.now() - began)
    const before = await data()
    await mustKubectl('-n', 'lockkeeper', 'delete', 'secret', 'lockkeeper-tls')
    await waitFor('the Secret to come back', async () => JSON.stringify(await data()) === JSON.stringify(before), 30)
    await ready()
    await waitFor('one leader', async () => (await leaders()).join() === '0,1', 30)
    await reviews.more()
    await reviews.stop()
    const count = `${reviews.failures.length} of ${reviews.answered} reviews failed`
    console.log(`a forced deletion: another holds the Lease after ${ms} ms; ${count}`)
  })
})

describe('a write that comes too late', () => {
  const clients = () => makeClients({ kubeconfig: process.env.LOCKKEEPER_TEST_KUBECONFIG ?? '' })
  const label = (kind: string, ...where: string[]) =>
    mustKubectl(...where, 'label', kind, '--overwrite', `test=${Math.floor(performance.now())}`)

  test('into a configuration that changed since it was read is refused, whatever was changed', async () => {
    const before = await caBundles()
    const [mutating, validating] = await readTrusts(clients(), 'lockkeeper')
    await label('validatingwebhookconfiguration/lockkeeper')
    expect(await validating?.set(foreign.ca)).toBe(false)
    expect(await caBundles()).toEqual(before)
    expect(await mutating?.set(Buffer.from(before[0] ?? '', 'base64').toString())).toBe(true)
  })

  test('into a Secret that changed, went or came since it was read is refused', async () => {
    const read = () => readSecret(clients(), namespace, 'late')
    const absent = await read()
    expect(absent.bundle).toBeUndefined()
    expect(await absent.write(foreign)).toBe(true)
    expect(await absent.write(foreign)).toBe(false)
    const there = await read()
    expect(there.bundle).toEqual(foreign)
    await label('secret/late', '-n', namespace)
    expect(await there.write({ ...foreign, cert: '' })).toBe(false)
    const labelled = await read()
    await mustKubectl('-n', namespace, 'delete', 'secret', 'late')
    expect(await labelled.write(foreign)).toBe(false)
    expect((await read()).bundle).toBeUndefined()
  })
})

describe('the other way', () => {
  const chart = join(import.meta.dirname, '../../manifests/chart')
  /** As cert-manager and its CA injector write them. */
  const issuer = {
    secret: ({ ca, cert, key }: Bundle) =>
      mustApply({
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name: 'lockkeeper-cert-manager', namespace: 'lockkeeper' },
        type: 'kubernetes.io/tls',
        stringData: { 'ca.crt': ca, 'tls.crt': cert, 'tls.key': key },
      }),
    inject: async (ca: string) => {
      const operation = { op: 'add', path: '/webhooks/0/clientConfig/caBundle', value: base64(ca) }
      for (const kind of configurations)
        await mustKubectl('patch', kind, 'lockkeeper', '--type=json', '-p', JSON.stringify([operation]))
    },
  }

  test('serves the files of a mounted Secret, swaps when they change, fails no review and has no rights over Secrets', async () => {
    await uninstall('helm')
    await mustKubectl('create', 'namespace', 'lockkeeper')
    await issuer.secret(foreign)
    const { webhook, runner } = images()
    const rendered = await must('helm', [
      ...['template', 'lockkeeper', chart, '-n', 'lockkeeper', '--kube-version', '1.35.0'],
      ...['--set', `images.webhook=${webhook},images.runner=${runner},certificates.mode=cert-manager`],
    ])
    const objects = rendered.split(/^---$/m).filter((each) => !/^apiVersion: cert-manager|helm\.sh\/hook/m.test(each))
    await must('kubectl', ['apply', '-f', '-'], { input: objects.join('---\n') })
    await waitFor('pods that wait for their trust', async () => (await servedUntil()).length === 2)
    await issuer.inject(foreign.ca)
    await ready()
    const as = '--as=system:serviceaccount:lockkeeper:lockkeeper'
    for (const verb of ['get', 'create', 'update'])
      expect((await kubectl('auth', 'can-i', verb, 'secrets', '-n', 'lockkeeper', as)).stdout).toBe('no\n')

    const reviews = new Reviews()
    await reviews.more()
    const next = await issueBundle({ names: serviceNames, now: new Date(Date.now() + 60_000) })
    await issuer.inject(next.ca + foreign.ca)
    await issuer.secret({ ...next, ca: next.ca + foreign.ca })
    const wanted = Math.floor(expiryOf(next).getTime() / 1000)
    await waitFor('both to serve the new one', async () => (await servedUntil()).every((each) => each === wanted), 240)
    await issuer.inject(next.ca)
    await ready()
    await reviews.more(100)
    await reviews.stop()
    console.log(`a mounted certificate: ${reviews.failures.length} of ${reviews.answered} reviews failed`)
    expect(reviews.failures).toEqual([])
    await must('kubectl', ['delete', '--ignore-not-found', '-f', '-'], { input: objects.join('---\n') })
    await mustKubectl('delete', 'namespace', 'lockkeeper')
  })
})
