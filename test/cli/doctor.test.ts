import { beforeAll, describe, expect, test } from 'vitest'
import { type Bundle, issueBundle } from '../../certs/issue.ts'
import { diagnose } from '../../src/diagnosis/diagnose.ts'
import type {
  Certificate,
  Configuration,
  Installation,
  NamespaceState,
  WorkloadState,
} from '../../src/kubernetes/installation.ts'
import { admit, deployment, source } from '../tools/admission.ts'

const DAY = 86_400_000
const now = new Date('2026-06-01T12:00:00Z')
let bundle: Bundle
let other: Bundle
beforeAll(async () => {
  bundle = await issueBundle({ names: ['lockkeeper.lockkeeper.svc'], now })
  other = await issueBundle({ names: ['lockkeeper.lockkeeper.svc'], now })
})

const files = {
  '1_a.up.sql': 'select 1;',
  '1_a.down.sql': 'select 2;',
  '2_b.up.sql': 'select 3;',
  '2_b.down.sql': 'select 4;',
}
/** What the webhooks make of it. */
const equipped = () => admit(deployment(), undefined, { source: source(files) }).object
const state = (object: object, kind = 'Deployment', group = 'apps'): WorkloadState => ({
  ...{ namespace: 'shop', name: 'orders', group, version: 'v1', kind, object },
})

const resources = [
  'apps/deployments',
  'apps/statefulsets',
  'apps/daemonsets',
  'batch/jobs',
  'batch/cronjobs',
  'argoproj.io/rollouts',
]
const configuration = (
  kind: Configuration['kind'],
  change: Partial<NonNullable<Configuration['webhook']>> = {},
): Configuration => ({
  kind,
  webhook: {
    name: kind.startsWith('Mutating') ? 'mutate.lockkeeper.dev' : 'validate.lockkeeper.dev',
    failurePolicy: 'Fail',
    caBundle: bundle.ca,
    service: 'lockkeeper/lockkeeper',
    resources,
    ...change,
  },
})
const namespace = (change: Partial<NamespaceState> = {}): NamespaceState => ({
  ...{ name: 'shop', labels: { 'lockkeeper.dev/admission': 'enabled' }, annotations: {} },
  ...change,
})
const served = (pair: Certificate['pair']): Certificate => ({ secret: 'lockkeeper-tls', pair })
const healthy = (): Installation => ({
  server: 'v1.35.4',
  namespace: 'lockkeeper',
  service: { wanted: 2, ready: 2 },
  endpoints: 2,
  configurations: [configuration('MutatingWebhookConfiguration'), configuration('ValidatingWebhookConfiguration')],
  certificate: served({ ca: bundle.ca, cert: bundle.cert }),
  namespaces: [namespace(), namespace({ name: 'other', labels: {} })],
  workloads: [state(equipped())],
  pods: [],
  failedCreates: [],
})
const both = (change: Partial<NonNullable<Configuration['webhook']>>) => [
  configuration('MutatingWebhookConfiguration', change),
  configuration('ValidatingWebhookConfiguration', change),
]

test('a healthy installation has no finding', () => {
  expect(diagnose(healthy(), now)).toEqual([])
})

/** What is changed in a healthy installation, and the one finding about it. */
const rows: readonly [
  what: string,
  change: () => Partial<Installation>,
  code: string,
  subject: string,
  fix: RegExp,
  at?: Date,
][] = [
  [
    'nothing is installed',
    () => ({
      service: 'missing',
      configurations: [
        { kind: 'MutatingWebhookConfiguration', webhook: undefined },
        { kind: 'ValidatingWebhookConfiguration', webhook: undefined },
      ],
    }),
    'not-installed',
    'Deployment/lockkeeper',
    /helm upgrade --install/,
  ],
  [
    'only the configurations are left',
    () => ({ service: 'missing' }),
    'service-missing',
    'lockkeeper/Deployment/lockkeeper',
    /helm upgrade/,
  ],
  [
    'the webhook is scaled to nothing',
    () => ({ service: { wanted: 0, ready: 0 } }),
    'service-stopped',
    'lockkeeper/Deployment/lockkeeper',
    /--replicas=2/,
  ],
  [
    'no pod is ready',
    () => ({ service: { wanted: 2, ready: 0 }, endpoints: 0 }),
    'service-not-ready',
    'lockkeeper/Deployment/lockkeeper',
    /describe pods/,
  ],
  [
    'one of two pods is ready',
    () => ({ service: { wanted: 2, ready: 1 }, endpoints: 1 }),
    'service-not-ready',
    'lockkeeper/Deployment/lockkeeper',
    /logs/,
  ],
  [
    'the Service selects nothing',
    () => ({ endpoints: 0 }),
    'service-not-reached',
    'lockkeeper/Service/lockkeeper',
    /selector/,
  ],
  [
    'the mutating configuration is gone',
    () => ({
      configurations: [
        { kind: 'MutatingWebhookConfiguration', webhook: undefined },
        configuration('ValidatingWebhookConfiguration'),
      ],
    }),
    'configuration-missing',
    'MutatingWebhookConfiguration/lockkeeper',
    /helm upgrade/,
  ],
  [
    'a configuration calls another Service',
    () => ({
      configurations: [
        configuration('MutatingWebhookConfiguration', { service: 'old/lockkeeper' }),
        configuration('ValidatingWebhookConfiguration'),
      ],
    }),
    'configuration-misdirected',
    'MutatingWebhookConfiguration/lockkeeper',
    /helm upgrade/,
  ],
  [
    'a configuration lets pass when we are away',
    () => ({
      configurations: [
        configuration('MutatingWebhookConfiguration'),
        configuration('ValidatingWebhookConfiguration', { failurePolicy: 'Ignore' }),
      ],
    }),
    'configuration-weak',
    'ValidatingWebhookConfiguration/lockkeeper',
    /helm upgrade/,
  ],
  [
    'a configuration knows no CronJobs',
    () => ({
      configurations: [
        configuration('MutatingWebhookConfiguration', {
          resources: resources.filter((each) => !each.endsWith('cronjobs')),
        }),
        configuration('ValidatingWebhookConfiguration'),
      ],
    }),
    'kind-not-matched',
    'MutatingWebhookConfiguration/lockkeeper',
    /helm upgrade/,
  ],
  [
    'the Secret is gone',
    () => ({ certificate: served('missing') }),
    'certificate-missing',
    'lockkeeper/Secret/lockkeeper-tls',
    /rollout restart/,
  ],
  [
    'the Secret is empty',
    () => ({ certificate: served('empty') }),
    'certificate-missing',
    'lockkeeper/Secret/lockkeeper-tls',
    /logs/,
  ],
  [
    'the Secret holds something else',
    () => ({ certificate: served({ ca: bundle.ca, cert: 'x' }) }),
    'certificate-unreadable',
    'lockkeeper/Secret/lockkeeper-tls',
    /rollout restart/,
  ],
  [
    'the certificate is expired',
    () => ({}),
    'certificate-expired',
    'lockkeeper/Secret/lockkeeper-tls',
    /rollout restart/,
    new Date(now.getTime() + 32 * DAY),
  ],
  [
    'the certificate expires soon',
    () => ({}),
    'certificate-expiring',
    'lockkeeper/Secret/lockkeeper-tls',
    /rollout restart/,
    new Date(now.getTime() + 25 * DAY),
  ],
  [
    'a configuration trusts another CA',
    () => ({
      configurations: [
        configuration('MutatingWebhookConfiguration', { caBundle: other.ca }),
        configuration('ValidatingWebhookConfiguration'),
      ],
    }),
    'certificate-untrusted',
    'MutatingWebhookConfiguration/lockkeeper',
    /rollout restart/,
  ],
  [
    'a configuration trusts nothing',
    () => ({
      configurations: [
        configuration('MutatingWebhookConfiguration'),
        configuration('ValidatingWebhookConfiguration', { caBundle: '' }),
      ],
    }),
    'certificate-untrusted',
    'ValidatingWebhookConfiguration/lockkeeper',
    /rollout restart/,
  ],
  [
    'a label has another value',
    () => ({ namespaces: [namespace(), namespace({ name: 'typo', labels: { 'lockkeeper.dev/admission': 'true' } })] }),
    'label-unknown',
    'Namespace/typo',
    /label namespace typo lockkeeper.dev\/admission=enabled --overwrite/,
  ],
  [
    'a namespace has a policy and no label',
    () => ({
      namespaces: [
        namespace(),
        namespace({ name: 'late', labels: {}, annotations: { 'lockkeeper.dev/rollback-policy': 'require' } }),
      ],
    }),
    'not-opted-in',
    'Namespace/late',
    /label namespace late/,
  ],
  [
    'a workload asks in a namespace without the label',
    () => ({ namespaces: [namespace({ labels: {} })] }),
    'not-opted-in',
    'shop/Deployment/orders',
    /label namespace shop/,
  ],
  [
    'a workload was never equipped',
    () => ({ workloads: [state(deployment())] }),
    'not-equipped',
    'shop/Deployment/orders',
    /rollout restart deployment\/orders/,
  ],
  [
    'a workload was equipped for another intent',
    () => ({ workloads: [state(edited())] }),
    'not-equipped',
    'shop/Deployment/orders',
    /rollout restart deployment\/orders/,
  ],
  [
    'a Job was never equipped',
    () => ({ workloads: [state({ ...deployment(), kind: 'Job' }, 'Job', 'batch')] }),
    'not-equipped',
    'shop/Job/orders',
    /delete the Job and create it again/,
  ],
  [
    'a workload kept our container',
    () => ({ workloads: [state(leftOver())] }),
    'left-over',
    'shop/Deployment/orders',
    /lockkeeper.dev\/schema-version/,
  ],
  [
    'a migration failed',
    () => ({
      pods: [
        {
          ...{ namespace: 'shop', pod: 'orders-1', container: 'lockkeeper-migrate', kind: 'ended' },
          message: '{"code":"migration-failed","message":"3_x.up.sql line 2 fails","fix":"correct line 2"}',
        },
      ],
    }),
    'migration-failed',
    'shop/Pod/orders-1',
    /correct line 2/,
  ],
  [
    'a container ended without a word of ours',
    () => ({
      pods: [
        {
          ...{ namespace: 'shop', pod: 'orders-1', container: 'lockkeeper-migrate', kind: 'ended' },
          message: 'exec: no such file\n',
        },
      ],
    }),
    'migration-failed',
    'shop/Pod/orders-1',
    /logs orders-1 -c lockkeeper-migrate/,
  ],
  [
    'an image cannot be pulled',
    () => ({
      pods: [
        {
          ...{ namespace: 'shop', pod: 'orders-1', container: 'lockkeeper-files', kind: 'waiting' },
          ...{ reason: 'ImagePullBackOff', message: 'Back-off pulling image "x"' },
        },
      ],
    }),
    'container-not-started',
    'shop/Pod/orders-1',
    /imagePullSecrets/,
  ],
  [
    'a container cannot be made',
    () => ({
      pods: [
        {
          ...{ namespace: 'shop', pod: 'orders-1', container: 'lockkeeper-migrate', kind: 'waiting' },
          ...{ reason: 'CreateContainerConfigError', message: 'secret "a" not found' },
        },
      ],
    }),
    'container-not-started',
    'shop/Pod/orders-1',
    /describe pod orders-1/,
  ],
  [
    'an undo is held',
    () => ({ pods: [running({ lastLine: waiting })] }),
    'migration-waits',
    'shop/Pod/orders-1',
    /logs orders-1 -c lockkeeper-migrate/,
  ],
  [
    'nobody may read the log of a container that runs long',
    () => ({ pods: [running({ failedBefore: true })] }),
    'migration-waits',
    'shop/Pod/orders-1',
    /logs orders-1/,
  ],
  [
    'a LimitRange forbids the pods of a Deployment',
    () => ({ workloads: [observed({ conditions: [replicaFailure] })] }),
    'pods-refused',
    'shop/Deployment/orders',
    /a LimitRange of namespace shop .*config.lockkeeper.dev\/memory-limit/,
  ],
  [
    'a ratio forbids the pods of a StatefulSet',
    () => ({
      workloads: [observed({ replicas: 1 }, 'StatefulSet')],
      failedCreates: [
        {
          ...{ namespace: 'shop', kind: 'StatefulSet', name: 'orders' },
          message: 'memory max limit to request ratio per Container is 1, but provided ratio is 4.000000',
        },
      ],
    }),
    'pods-refused',
    'shop/StatefulSet/orders',
    /config.lockkeeper.dev\/memory-request/,
  ],
  [
    'a Job ran out of time',
    () => ({
      workloads: [
        observed(
          { conditions: [{ type: 'Failed', status: 'True', reason: 'DeadlineExceeded', message: 'too long' }] },
          'Job',
          'batch',
        ),
      ],
    }),
    'job-failed',
    'shop/Job/orders',
    /raise activeDeadlineSeconds above config.lockkeeper.dev\/deadline/,
  ],
]

const waiting = JSON.stringify({ level: 'info', event: 'waiting', message: 'the schema is ahead; use Recreate' })
const running = (more: { lastLine?: string; failedBefore?: boolean }) => ({
  ...{ namespace: 'shop', pod: 'orders-1', container: 'lockkeeper-migrate', kind: 'running' as const },
  ...{ since: new Date(now.getTime() - 75_000), failedBefore: false, ...more },
})
const replicaFailure = {
  ...{ type: 'ReplicaFailure', status: 'True', reason: 'FailedCreate' },
  message: 'pods "orders-1" is forbidden: maximum memory usage per Container is 128Mi, but limit is 256Mi',
}
/** An equipped workload with what its controller wrote. */
const observed = (status: object, kind = 'Deployment', group = 'apps') =>
  state({ ...equipped(), kind, status }, kind, group)

function edited() {
  const object = equipped()
  return {
    ...object,
    metadata: {
      ...object.metadata,
      annotations: { ...object.metadata.annotations, 'lockkeeper.dev/schema-version': '1' },
    },
  }
}
function leftOver() {
  const object = equipped()
  return { ...object, metadata: { ...object.metadata, annotations: {} } }
}

describe('one thing wrong is one finding', () => {
  test.each(rows)('when %s', (_, change, code, subject, fix, at = now) => {
    const found = diagnose({ ...healthy(), ...change() }, at)
    expect(found.map((each) => [each.code, each.subject])).toEqual([[code, subject]])
    expect(found[0]?.fix).toMatch(fix)
    expect(found[0]?.message).not.toBe('')
  })

  test('but for a certificate that nobody lets us read, which is no finding', () => {
    expect(
      diagnose({ ...healthy(), certificate: served('unknown'), configurations: both({ caBundle: '' }) }, now),
    ).toEqual([])
  })

  const kept = [{ controller: true, kind: 'Nobody', name: 'nowhere' }]
  test.each<[string, object, object, RegExp]>([
    ['another image', { image: 'evil/runner:1' }, {}, /image evil\/runner:1/],
    [
      'the same name at another registry',
      { image: 'registry.example:5000/lockkeeper/runner:1' },
      {},
      /registry\.example/,
    ],
    ['another command', { command: ['sh', '-c', 'psql'] }, {}, /the command "sh -c psql"/],
    ['arguments', { args: ['--eval', '1'] }, {}, /--eval/],
    ['another image, where an owner is written', { image: 'evil:1' }, { ownerReferences: kept }, /image evil:1/],
  ])('a container by our name with %s', (_, container, metadata, message) => {
    const object = equipped()
    Object.assign(object.spec.template.spec.initContainers[0], container)
    Object.assign(object.metadata, metadata)
    const found = diagnose({ ...healthy(), runnerImage: 'lockkeeper/runner:2', workloads: [state(object)] }, now)
    expect(found.map(({ code, subject }) => [code, subject])).toEqual([['container-foreign', 'shop/Deployment/orders']])
    expect(found[0]?.message).toMatch(message)
  })

  test('but for an image of another release, and one that the namespace names', () => {
    const found = (object: object, annotations = {}) =>
      diagnose(
        {
          ...healthy(),
          runnerImage: 'lockkeeper/runner@sha256:abc',
          workloads: [state(object)],
          namespaces: [namespace({ annotations })],
        },
        now,
      )
    expect(found(equipped())).toEqual([])
    const object = equipped()
    Object.assign(object.spec.template.spec.initContainers[0], { image: 'mirror.example:5000/lk:7' })
    expect(found(object, { 'config.lockkeeper.dev/image': 'mirror.example:5000/lk:8' })).toEqual([])
    expect(found(object)).toHaveLength(1)
  })

  test('and a workload that another controller keeps is that controller’s', () => {
    const kept = {
      ...deployment(),
      metadata: { ...deployment().metadata, ownerReferences: [{ controller: true, kind: 'Shop', name: 'a' }] },
    }
    expect(diagnose({ ...healthy(), workloads: [state(kept)] }, now)).toEqual([])
  })
})

test('what a container says that has been running for long is in the finding, an error once it has ended with it', () => {
  const [first] = diagnose({ ...healthy(), pods: [running({ lastLine: waiting })] }, now)
  expect(first).toMatchObject({
    severity: 'warning',
    message: 'lockkeeper-migrate has been running for 75 s; its last word: waiting the schema is ahead; use Recreate',
  })
  const [again] = diagnose({ ...healthy(), pods: [running({ lastLine: 'no JSON', failedBefore: true })] }, now)
  expect(again).toMatchObject({ severity: 'error', message: expect.stringContaining('last word: no JSON') })
})

test('what has passed is not told: an Event of pods that are there, and a Job before one that went well', () => {
  const event = { namespace: 'shop', kind: 'StatefulSet', name: 'orders', message: 'exceeded quota' }
  const there = observed({ replicas: 2 }, 'StatefulSet')
  expect(diagnose({ ...healthy(), workloads: [there], failedCreates: [event] }, now)).toEqual([])
  const failed = { conditions: [{ type: 'Failed', status: 'True', reason: 'BackoffLimitExceeded', message: 'm' }] }
  const job = (): WorkloadState => {
    const made = observed(failed, 'Job', 'batch')
    const { metadata, ...rest } = made.object as ReturnType<typeof deployment>
    const owner = { kind: 'CronJob', name: 'nightly', controller: true }
    return {
      ...made,
      object: {
        ...rest,
        metadata: { ...metadata, creationTimestamp: '2026-05-01T00:00:00Z', ownerReferences: [owner] },
      },
    }
  }
  const cronJob = (lastSuccessfulTime: string): WorkloadState => ({
    ...{ namespace: 'shop', name: 'nightly', group: 'batch', version: 'v1', kind: 'CronJob' },
    object: { metadata: { name: 'nightly' }, status: { lastSuccessfulTime } },
  })
  const codes = (last: string) =>
    diagnose({ ...healthy(), workloads: [job(), cronJob(last)] }, now).map(({ code }) => code)
  expect(codes('2026-05-02T00:00:00Z')).toEqual([])
  expect(codes('2026-04-30T00:00:00Z')).toEqual(['job-failed'])
})
