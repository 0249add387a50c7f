import { notInjected } from '../admission/not-injected.ts'
import { ADMISSION_LABEL, DOMAIN, INTENT } from '../contract.ts'
import { asks, intentHash, ownIntent } from '../injection/intent.ts'
import { findKind } from '../injection/kinds.ts'
import { hasParts } from '../injection/parts.ts'
import { asWorkload, controllerOf } from '../injection/workload.ts'
import type { Installation, NamespaceState, WorkloadState } from '../kubernetes/installation.ts'
import { parseVersion } from '../migration/version.ts'
import { type Ailment, error, warning } from './ailment.ts'
import { containerAilments } from './diagnose-containers.ts'

const enabled = ({ labels }: Pick<NamespaceState, 'labels'>) => labels[ADMISSION_LABEL] === 'enabled'

export function namespaceAilments(namespace: NamespaceState): Ailment[] {
  const { name, labels, annotations } = namespace
  const value = labels[ADMISSION_LABEL]
  const subject = `Namespace/${name}`
  const fix = `kubectl label namespace ${name} ${ADMISSION_LABEL}=enabled --overwrite`
  if (enabled(namespace)) return []
  if (value !== undefined)
    return [warning('label-unknown', subject, `${ADMISSION_LABEL} is "${value}", which switches nothing on`, fix)]
  const own = Object.keys(annotations).find((key) => key.startsWith(`${DOMAIN}/`))
  return own === undefined
    ? []
    : [
        warning(
          'not-opted-in',
          subject,
          `it has ${own}, and not the label ${ADMISSION_LABEL}: nothing in it is checked`,
          fix,
        ),
      ]
}

/** A workload that somebody else's controller keeps is that controller's business, but for a container by our name. */
export function workloadAilments(
  { namespace, name, group, version, kind, object }: WorkloadState,
  installation: Pick<Installation, 'namespaces' | 'runnerImage'>,
): Ailment[] {
  const known = findKind(group, version, kind)
  const workload = known && asWorkload(known, object)
  if (known === undefined || workload === undefined) return []
  const subject = `${namespace}/${kind}/${name}`
  const foreign = containerAilments(workload, subject, installation, namespace)
  if (foreign.length > 0 || controllerOf(workload) !== undefined) return foreign
  const { intent } = ownIntent(workload)
  const wanted = intent[INTENT.schemaVersion]
  if (!asks(intent) || wanted === undefined) {
    if (!hasParts(workload)) return []
    return [
      warning(
        'left-over',
        subject,
        'it carries our container and asks for no schema version',
        `put ${INTENT.schemaVersion} back, or take the annotation away while the webhook is there`,
      ),
    ]
  }
  const home = installation.namespaces.find((each) => each.name === namespace)
  if (home === undefined || !enabled(home))
    return [
      warning(
        'not-opted-in',
        subject,
        `it asks for schema ${wanted}, and its namespace has not the label ${ADMISSION_LABEL}=enabled`,
        `kubectl label namespace ${namespace} ${ADMISSION_LABEL}=enabled, then apply it again`,
      ),
    ]
  const missing = notInjected(workload, intentHash(intent), parseVersion(wanted) ?? wanted)
  if (missing === undefined) return []
  const cure = known.changes
    ? `kubectl -n ${namespace} rollout restart ${kind.toLowerCase()}/${name}, or apply it again`
    : (known.afterFailure ?? 'apply it again')
  return [error('not-equipped', subject, `it asks for schema ${wanted}, and ${missing.message}`, cure)]
}
