import jsonPatch from 'fast-json-patch'
import { change, type Manifest, templateOf, withTemplate } from './objects.ts'

/**
 * What each client makes the API server hand to its webhooks, from the stored object and what the person gave. Sources:
 * kubectl's apply, rollback, restart and set commands; Helm's kube client; Kubernetes' strategic merge and RFC 7396.
 */

type Value = unknown
type Fields = Record<string, Value>
const isFields = (value: Value): value is Fields => typeof value === 'object' && value !== null && !Array.isArray(value)
const isNamed = (value: Value): value is Fields[] =>
  Array.isArray(value) && value.length > 0 && value.every((each) => isFields(each) && typeof each.name === 'string')

/** A three-way merge: what the last manifest had and this one has not goes; what only the server has stays. */
function merged(live: Value, last: Value, given: Value, ours: 'last' | 'in place'): Value {
  if (isFields(given)) {
    const kept = Object.entries(isFields(live) ? live : {}).filter(
      ([key]) => key in given || !(isFields(last) && key in last),
    )
    const all = Object.fromEntries(kept)
    for (const [key, value] of Object.entries(given)) {
      const before = isFields(live) ? live[key] : undefined
      all[key] = merged(before, isFields(last) ? last[key] : undefined, value, ours)
    }
    return all
  }
  if (!isNamed(given) || !isNamed(live)) return given
  const before = isNamed(last) ? last : []
  const named = (list: readonly Fields[], name: Value) => list.find((each) => each.name === name)
  const theirs = given.map((each) => merged(named(live, each.name), named(before, each.name), each, ours))
  const kept = live.filter(({ name }) => named(given, name) === undefined && named(before, name) === undefined)
  return ours === 'last' ? [...theirs, ...kept] : [...kept, ...theirs]
}

/** `kubectl apply`: what is in no manifest goes to the end of its list; the manifest is kept in an annotation. */
export function applyClientSide(live: Manifest, last: Manifest, given: Manifest): Manifest {
  const noted = change(given, (copy) => {
    copy.metadata.annotations = {
      ...copy.metadata.annotations,
      'kubectl.kubernetes.io/last-applied-configuration': JSON.stringify(given),
    }
  })
  return merged(live, last, noted, 'last') as Manifest
}

/** `kubectl apply --server-side`, Flux, Argo CD, Helm 4: fields that nobody owns stay where they are. */
export const applyServerSide = (live: Manifest, last: Manifest, given: Manifest): Manifest =>
  merged(live, last, given, 'in place') as Manifest

/** Helm 3, upgrade and rollback: a strategic merge of two manifests into what is live. */
export const helm3 = (live: Manifest, last: Manifest, given: Manifest): Manifest =>
  merged(live, last, given, 'last') as Manifest

/** `kubectl replace`, Helm's `--force`: the manifest and nothing else. */
export const replace = (live: Manifest, given: Manifest): Manifest =>
  change(given, (copy) => Object.assign(copy.metadata, { uid: live.metadata.uid }))

/** `kubectl patch`, the strategic one: lists of named things are merged. */
export const patchStrategic = (live: Manifest, patch: object): Manifest => merged(live, {}, patch, 'last') as Manifest

/** `kubectl patch --type=merge`: a list is replaced as a whole (RFC 7396). */
export function patchMerge(live: Manifest, patch: object): Manifest {
  const into = (target: Value, given: Value): Value => {
    if (!isFields(given)) return given
    const all: Fields = isFields(target) ? { ...target } : {}
    for (const [key, value] of Object.entries(given)) {
      if (value === null) delete all[key]
      else all[key] = into(all[key], value)
    }
    return all
  }
  return into(live, patch) as Manifest
}

/** `kubectl patch --type=json`. */
export const patchJson = (live: Manifest, patch: readonly object[]): Manifest =>
  jsonPatch.applyPatch(structuredClone(live), structuredClone(patch) as never).newDocument

/** `kubectl edit`, and any other PUT of an edited copy. */
export const edit = change

/** `kubectl set image workload/orders orders=IMAGE`. */
export const setImage = (live: Manifest, image: string): Manifest =>
  change(live, (copy) => {
    templateOf(copy).spec.containers[0].image = image
  })

/** `kubectl set env workload/orders NAME=VALUE`: without `-c` into every container, init containers too. */
export const setEnv = (live: Manifest, name: string, value: string): Manifest =>
  change(live, (copy) => {
    const { containers, initContainers = [] } = templateOf(copy).spec
    for (const container of [...initContainers, ...containers]) {
      container.env = [...(container.env ?? []).filter((each: Fields) => each.name !== name), { name, value }]
    }
  })

/** `kubectl rollout restart`. */
export const restart = (live: Manifest, at: string): Manifest =>
  change(live, (copy) => {
    const template = templateOf(copy)
    template.metadata = {
      ...template.metadata,
      annotations: { ...template.metadata?.annotations, 'kubectl.kubernetes.io/restartedAt': at },
    }
  })

/** `kubectl rollout undo` of a Deployment: template and annotations of the revision, but for those of kubectl itself. */
export const undoDeployment = (live: Manifest, revision: Manifest): Manifest =>
  change(withTemplate(live, structuredClone(templateOf(revision))), (copy) => {
    const own = Object.entries(copy.metadata.annotations ?? {}).filter(([key]) =>
      key.startsWith('kubectl.kubernetes.io/'),
    )
    copy.metadata.annotations = { ...revision.metadata.annotations, ...Object.fromEntries(own) }
  })

/** The same of a StatefulSet or DaemonSet, and `kubectl argo rollouts undo`: the template alone. */
export const undoTemplate = (live: Manifest, revision: Manifest): Manifest =>
  withTemplate(live, structuredClone(templateOf(revision)))

/** A change of `spec` that makes no other pods: replicas (by apply or autoscaler on the object), pause, suspend. */
export const setSpec = (live: Manifest, fields: object): Manifest =>
  change(live, (copy) => Object.assign(copy.spec, fields))

/** `kubectl create job --from=cronjob/orders`, and what the CronJob controller makes at its time. */
export const jobFrom = (cronJob: Manifest, name: string): Manifest => ({
  apiVersion: 'batch/v1',
  kind: 'Job',
  metadata: {
    name,
    namespace: cronJob.metadata.namespace,
    annotations: { 'cronjob.kubernetes.io/instantiate': 'manual', ...cronJob.spec.jobTemplate.metadata?.annotations },
    ownerReferences: [{ apiVersion: 'batch/v1', kind: 'CronJob', name: cronJob.metadata.name, controller: true }],
  },
  spec: structuredClone(cronJob.spec.jobTemplate.spec),
})
