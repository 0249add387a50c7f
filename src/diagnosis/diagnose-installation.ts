import { X509Certificate } from 'node:crypto'
import { trusts } from '../../certs/chain.ts'
import { KINDS } from '../injection/kinds.ts'
import type { Configuration, Installation } from '../kubernetes/installation.ts'
import { type Ailment, error, warning } from './ailment.ts'

const again = (namespace: string) =>
  `helm upgrade --install lockkeeper manifests/chart -n ${namespace} (or kubectl apply -f manifests/install.yaml)`

export const notInstalled = ({ namespace }: Installation) =>
  error(
    'not-installed',
    `Deployment/lockkeeper`,
    `there is no Deployment lockkeeper in namespace ${namespace}, and no webhook configuration`,
    `name its namespace with --namespace, or install it: ${again(namespace)}`,
  )

/** Ailments of the webhook's own objects. */
export const installationAilments = (installation: Installation, now: Date): Ailment[] => [
  ...serviceAilments(installation),
  ...installation.configurations.flatMap((each) => configurationAilments(each, installation)),
  ...certificateAilments(installation, now),
]

function serviceAilments({ service, endpoints, namespace }: Installation): Ailment[] {
  const subject = `${namespace}/Deployment/lockkeeper`
  const look = `kubectl -n ${namespace} describe pods; kubectl -n ${namespace} logs deployment/lockkeeper`
  if (service === 'missing')
    return [
      error(
        'service-missing',
        subject,
        'the webhook configurations are there and the webhook is not: every annotated workload is refused',
        again(namespace),
      ),
    ]
  if (service.wanted === 0)
    return [
      error(
        'service-stopped',
        subject,
        'it is scaled to 0: every annotated workload is refused',
        `kubectl -n ${namespace} scale deployment/lockkeeper --replicas=2`,
      ),
    ]
  if (service.ready === 0) return [error('service-not-ready', subject, `none of ${service.wanted} pods is ready`, look)]
  if (endpoints === 0)
    return [
      error(
        'service-not-reached',
        `${namespace}/Service/lockkeeper`,
        'no ready pod stands behind it',
        `compare its selector with the labels of the pods: ${again(namespace)}`,
      ),
    ]
  return service.ready < service.wanted
    ? [warning('service-not-ready', subject, `${service.ready} of ${service.wanted} pods are ready`, look)]
    : []
}

function configurationAilments({ kind, webhook }: Configuration, { namespace }: Installation): Ailment[] {
  const subject = `${kind}/lockkeeper`
  const fix = again(namespace)
  if (webhook === undefined)
    return [
      error(
        'configuration-missing',
        subject,
        kind.startsWith('Mutating') ? 'nothing is equipped' : 'nothing is checked',
        fix,
      ),
    ]
  const unmatched = KINDS.filter(
    ({ group, kind: each }) => !webhook.resources.includes(`${group}/${each.toLowerCase()}s`),
  )
  return [
    ...(webhook.service === `${namespace}/lockkeeper`
      ? []
      : [
          error(
            'configuration-misdirected',
            subject,
            `${webhook.name} calls ${webhook.service || 'nothing'}, not ${namespace}/lockkeeper`,
            fix,
          ),
        ]),
    ...(webhook.failurePolicy === 'Fail'
      ? []
      : [
          warning(
            'configuration-weak',
            subject,
            `failurePolicy is ${webhook.failurePolicy}: a rollout passes unchecked while the webhook is away`,
            fix,
          ),
        ]),
    ...unmatched.map((each) =>
      warning('kind-not-matched', subject, `workloads of the kind ${each.kind} never reach ${webhook.name}`, fix),
    ),
  ]
}

const DAY = 86_400_000

function certificateAilments({ certificate, configurations, namespace }: Installation, now: Date): Ailment[] {
  const { secret, pair } = certificate
  const subject = `${namespace}/Secret/${secret}`
  const fix =
    secret === 'lockkeeper-tls'
      ? `see kubectl -n ${namespace} logs deployment/lockkeeper; the pods make and heal it: kubectl -n ${namespace} rollout restart deployment/lockkeeper`
      : secret === 'lockkeeper-cert-manager'
        ? `cert-manager makes it: kubectl -n ${namespace} describe certificate,secret/${secret}`
        : `renew it where it was made, and set certificates.caBundle in the chart where its CA is another`
  if (pair === 'unknown') return [] // Who runs this may not read it; the configurations are looked at without it.
  if (pair === 'missing' || pair === 'empty')
    return [error('certificate-missing', subject, `the Secret is ${pair}`, fix)]
  let leaf: X509Certificate
  try {
    leaf = new X509Certificate(pair.cert)
  } catch {
    return [error('certificate-unreadable', subject, 'tls.crt is no certificate', fix)]
  }
  const days = Math.floor((leaf.validToDate.getTime() - now.getTime()) / DAY)
  const untrusting = configurations.flatMap(({ kind, webhook }) =>
    webhook === undefined || trusts(webhook.caBundle, pair) ? [] : [`${kind}/lockkeeper`],
  )
  return [
    ...(days < 0 ? [error('certificate-expired', subject, `it expired ${-days} days ago`, fix)] : []),
    ...(days >= 0 && days < 7
      ? [warning('certificate-expiring', subject, `it expires in ${days} days, and should have been renewed`, fix)]
      : []),
    ...untrusting.map((each) =>
      error('certificate-untrusted', each, 'its caBundle does not verify the certificate that the pods serve', fix),
    ),
  ]
}
