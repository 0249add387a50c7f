import { describe, expect, test } from 'vitest'
import { source } from '../tools/admission.ts'
import { release } from '../tools/example-files.ts'
import { lockkeeper } from '../tools/program.ts'
import { arrive } from './recorded/api-server.ts'
import { undoTemplate } from './recorded/clients.ts'
import { change, kindNamed, kinds, type Manifest, manifest } from './recorded/objects.ts'

const files = {
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'orders-migrations', namespace: 'shop' },
  data: release(2),
}
const labelled = { 'lockkeeper.dev/admission': 'enabled' }
const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop', labels: labelled } }
const review = (objects: readonly object[], ...more: string[]) =>
  lockkeeper(['review', '-f', '-', ...more], {
    input: JSON.stringify({ kind: 'List', items: [namespace, files, ...objects] }),
  })

describe('lockkeeper review', () => {
  test('equips every kind, and says what the webhook would', async () => {
    const { code, stdout } = await review(
      kinds.map((kind) => manifest(kind, 2)),
      '-o',
      'json',
    )
    const results = JSON.parse(stdout) as { kind: string; allowed: boolean; patch: { path: string }[] }[]
    expect(results.map(({ kind, allowed }) => [kind, allowed])).toEqual(kinds.map((kind) => [kind, true]))
    for (const { kind, patch } of results) {
      expect(patch[0]?.path).toContain(`/${kindNamed(kind).template.join('/')}/`)
    }
    expect(code).toBe(0)
  })

  test('names a Job by what its names begin with, and a Rollout’s Deployment', async () => {
    const { name: _, ...metadata } = manifest('Job', 2).metadata
    const job: Manifest = { ...manifest('Job', 2), metadata: { ...metadata, generateName: 'load-' } }
    const rollout = change(manifest('Rollout', 2), (copy) => {
      copy.spec = { workloadRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'orders' } }
    })
    const { stdout } = await review([job, rollout])
    expect(stdout).toContain('job/load-* in shop: allowed')
    expect(stdout).toContain('the pod template is that of Deployment/orders')
  })

  test('refuses a recorded review of a StatefulSet whose undo leaves its annotation behind', async () => {
    const world = (version: 1 | 2) => ({ source: source(release(version)), now: version * 1000 })
    const first = arrive(manifest('StatefulSet', 1), undefined, world(1)).object
    const second = arrive(manifest('StatefulSet', 2), first, world(2)).object
    const { group, version, kind } = kindNamed('StatefulSet')
    const recorded = {
      apiVersion: 'admission.k8s.io/v1',
      kind: 'AdmissionReview',
      request: {
        uid: 'u',
        operation: 'UPDATE',
        kind: { group, version, kind },
        namespace: 'shop',
        name: 'orders',
        object: undoTemplate(second, first),
        oldObject: second,
      },
    }
    const { code, stdout } = await review([recorded])
    expect(stdout).toContain(
      'statefulset/orders in shop: denied\nschema version 2 of shop/orders is refused:\n  intent-split',
    )
    expect(code).toBe(1)
  })
})
