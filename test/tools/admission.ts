import jsonPatch from 'fast-json-patch'
import type { Facts, NamespaceFacts, SecretKeys, SourceOutcome } from '../../src/admission/facts.ts'
import { mutate } from '../../src/admission/mutate.ts'
import { parseReview, type ReviewRequest } from '../../src/admission/review.ts'
import { validate } from '../../src/admission/validate.ts'
import type { Verdict } from '../../src/admission/verdict.ts'
import { catalogueOf } from '../../src/migration/catalogue.ts'
import { readMigrations } from '../../src/migration/read.ts'
import { withSqlFacts } from '../../src/migration/sql-facts.ts'
import { sqlFacts } from '../../src/safety/sql-facts.ts'
import { loadParser } from '../../src/sql/parser.ts'
import { remembering } from '../../src/sql/remembering.ts'
import type { Files } from './runner.ts'

export type Deployment = Record<string, unknown> & {
  metadata: { name: string; namespace: string; annotations?: Record<string, string>; [key: string]: unknown }
  // biome-ignore lint/suspicious/noExplicitAny: tests reach into objects as their owner wrote them
  spec: any
}

/** A Deployment of the orders application, as kubectl would send it. */
export function deployment(annotations: Record<string, string> = {}, image = 'orders:1'): Deployment {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: {
      name: 'orders',
      namespace: 'shop',
      annotations: {
        'lockkeeper.dev/schema-version': '2',
        'lockkeeper.dev/migrations': 'configmap/orders-migrations',
        'lockkeeper.dev/database': 'secret/orders-db#uri',
        ...annotations,
      },
    },
    spec: {
      replicas: 2,
      selector: { matchLabels: { app: 'orders' } },
      template: {
        metadata: { labels: { app: 'orders' } },
        spec: {
          containers: [
            {
              name: 'orders',
              image,
              env: [
                { name: 'HOST', value: 'db' },
                { name: 'URL', value: 'postgresql://$(HOST)/x' },
              ],
            },
          ],
        },
      },
    },
  }
}

export const shop = (annotations: Record<string, string> = {}): NamespaceFacts => ({
  name: 'shop',
  labels: { 'lockkeeper.dev/admission': 'enabled' },
  annotations,
})

const parse = remembering(await loadParser(), 100_000)

/** What the webhook would read of these files, their SQL included. */
export function source(files: Files, immutable = false): SourceOutcome {
  const set = readMigrations(Object.entries(files).map(([name, content]) => ({ name, content })))
  return {
    kind: 'read',
    catalogue: catalogueOf(withSqlFacts(set, sqlFacts(set, { parse }))),
    immutable,
    items: [{ configMap: 'orders-migrations', keys: Object.keys(files) }],
  }
}
export const gone: SourceOutcome = { kind: 'missing', configMap: 'orders-migrations' }

export interface World {
  readonly namespace?: NamespaceFacts
  readonly source: SourceOutcome
  /** What validation reads, when it is not the same. */
  readonly sourceLater?: SourceOutcome
  readonly secretKeys?: SecretKeys
  readonly now?: number
  readonly runnerImage?: string
  readonly dryRun?: boolean
  /** Another webhook or tool between ours. */
  readonly between?: (object: Deployment) => Deployment
}

export const CLUSTER = 'cluster-a'
export const RUNNER_IMAGE = 'lockkeeper/runner:1'

export const factsOf = (world: World): Facts => ({
  namespace: world.namespace ?? shop(),
  source: world.source,
  secretKeys: world.secretKeys ?? 'unknown',
  cluster: CLUSTER,
  runnerImage: world.runnerImage ?? RUNNER_IMAGE,
  imagePullPolicy: 'IfNotPresent',
  now: world.now ?? 1_000_000,
})

export function requestOf(object: unknown, old: unknown, dryRun = false): ReviewRequest {
  const review = parseReview({
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: {
      uid: 'u',
      operation: old === undefined ? 'CREATE' : 'UPDATE',
      dryRun,
      kind: { group: 'apps', version: 'v1', kind: 'Deployment' },
      namespace: 'shop',
      name: 'orders',
      object,
      oldObject: old ?? null,
    },
  })
  if ('problem' in review) throw new Error(review.problem)
  return review
}

export interface Admitted {
  readonly object: Deployment
  readonly verdict: Verdict
  readonly warnings: readonly string[]
  readonly patch: readonly unknown[]
}

/** What the API server does with an object: mutate, apply the patch, validate. */
export function admit(object: Deployment, old: Deployment | undefined, world: World): Admitted {
  const facts = factsOf(world)
  const mutation = mutate(requestOf(object, old, world.dryRun), facts)
  const patched = jsonPatch.applyPatch(structuredClone(object), structuredClone(mutation.patch) as never).newDocument
  const stored = world.between?.(patched) ?? patched
  const verdict = validate(requestOf(stored, old, world.dryRun), {
    ...facts,
    source: world.sourceLater ?? world.source,
  })
  return { object: stored, verdict, warnings: [...mutation.warnings, ...verdict.warnings], patch: mutation.patch }
}

export const statusOf = (object: Deployment) =>
  JSON.parse(object.spec.template.metadata?.annotations?.['lockkeeper.dev/status'] ?? '{}')
export const ours = (object: Deployment) =>
  (object.spec.template.spec.initContainers ?? []).find(({ name }: { name: string }) => name === 'lockkeeper-migrate')
export const envOf = (object: Deployment): Record<string, string> =>
  Object.fromEntries((ours(object)?.env ?? []).map(({ name, value }: { name: string; value: string }) => [name, value]))
