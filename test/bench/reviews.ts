import { admit, type Deployment, deployment, source } from '../tools/admission.ts'
import { release } from '../tools/example-files.ts'
import type { Files } from '../tools/runner.ts'

/** What the reviews of a run are about. */
export type Subject =
  /** A rollout from one version to the next, of a workload with 100 KB of its own. */
  | 'rollout'
  /** A label: nothing of ours changes, and nothing is read. */
  | 'carried'
  /** Another image at an equal target of 200 migrations: built anew, with one ConfigMap read. */
  | 'rebuilt'

/** What the ConfigMap holds, in the order in which the API server sends it. */
export const filesOf = (subject: Subject): Files =>
  Object.fromEntries(
    Object.entries(subject === 'rollout' ? release(3) : twoHundred).sort(([a], [b]) => (a < b ? -1 : 1)),
  )

const twoHundred: Files = Object.fromEntries(
  Array.from({ length: 200 }, (_, i) => i + 1).flatMap((n) => [
    [`${n}_step.up.sql`, `CREATE TABLE t${n} (id bigint PRIMARY KEY, name text NOT NULL);\n`],
    [`${n}_step.down.sql`, `DROP TABLE t${n};\n`],
  ]),
)

/** One review for each of the two webhooks, as the API server sends them: path and body. */
export function reviewsOf(subject: Subject): [path: string, body: Buffer][] {
  const [first, second] = subject === 'rollout' ? [big('2'), big('3')] : [at200('orders:1'), at200('orders:1')]
  const files = filesOf(subject)
  const old = admit(first, undefined, { source: source(subject === 'rollout' ? release(2) : files) }).object
  if (subject === 'carried') second.metadata.labels = { team: 'orders' }
  if (subject === 'rebuilt') second.spec.template.spec.containers[0].image = 'orders:2'
  const incoming = subject === 'rollout' ? second : withParts(second, old)
  const fresh = admit(incoming, old, { source: source(files) }).object
  return [
    ['/mutate?timeout=5s', reviewOf(incoming, old)],
    ['/validate?timeout=5s', reviewOf(fresh, old)],
  ]
}

const at200 = (image: string) => deployment({ 'lockkeeper.dev/schema-version': '200' }, image)

function big(version: string): Deployment {
  const object = deployment({ 'lockkeeper.dev/schema-version': version }, `orders:${version}`)
  object.spec.template.spec.containers[0].env.push(
    ...Array.from({ length: 1000 }, (_, i) => ({ name: `VARIABLE_${i}`, value: 'x'.repeat(70) })),
  )
  return object
}

/** A patch of a live object hands our parts in again. */
function withParts(object: Deployment, old: Deployment): Deployment {
  const { annotations } = old.spec.template.metadata
  const { initContainers, volumes } = old.spec.template.spec
  const { template } = object.spec
  return {
    ...object,
    spec: {
      ...object.spec,
      template: {
        ...template,
        metadata: { ...template.metadata, annotations },
        spec: { ...template.spec, initContainers, volumes },
      },
    },
  }
}

const reviewOf = (object: unknown, oldObject: unknown): Buffer =>
  Buffer.from(
    JSON.stringify({
      apiVersion: 'admission.k8s.io/v1',
      kind: 'AdmissionReview',
      request: {
        uid: 'u',
        operation: 'UPDATE',
        kind: { group: 'apps', version: 'v1', kind: 'Deployment' },
        namespace: 'shop',
        name: 'orders',
        object,
        oldObject,
      },
    }),
  )
