import { describe, expect, test } from 'vitest'
import { Arrival, told, warnings } from './tools/arrivals.ts'
import { installed } from './tools/install.ts'
import { release, type Shop, withShop } from './tools/orders.ts'
import { get, type Result, run } from './tools/shell.ts'

installed('helm4')

/** A release as such a tool has it: the ConfigMap and the Deployment together. */
const objectsOf = (at: Arrival, version: number): object[] => [
  {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'orders-migrations', namespace: at.shop.namespace },
    data: release(version),
  },
  at.object(version),
]

/** Server-side apply as these tools send it: the answer is the object as it would be, or is. */
function apply(manager: string, object: object, ...more: string[]): Promise<Result> {
  const args = ['apply', '--server-side', '--force-conflicts', `--field-manager=${manager}`, '-o', 'json', ...more]
  return run('kubectl', [...args, '-f', '-'], { input: JSON.stringify(object) })
}
const dry = '--dry-run=server'

describe.concurrent.each(['kustomize-controller', 'argocd-controller'])('with %s', (manager) => {
  test('a dry run of everything, then everything: both releases pass, and then nothing differs', () =>
    withShop({}, async (shop) => {
      const at = new Arrival(shop, 'orders')
      for (const version of [2, 3]) {
        const before = await at.see()
        for (const object of objectsOf(at, version)) {
          const asked = await apply(manager, object, dry)
          expect(asked.code, asked.output).toBe(0)
          // A dry run stores no ConfigMap: the Deployment's version is in none yet.
          const missing = version === 2 ? 'source-missing' : 'target-unknown'
          expect(warnings(asked)).toContain('data' in object ? '' : missing)
        }
        expect(told(before, await at.see())).toBe(before === undefined ? 'nothing stored' : 'nothing changed')
        for (const object of objectsOf(at, version)) {
          const done = await apply(manager, object)
          expect(done.code, done.output).toBe(0)
        }
        expect(told(before, await at.see())).toBe(`built for ${version} with a new token`)
        await shop.rolledOut()
        for (const object of objectsOf(at, version)) expect(await differs(shop, manager, object)).toBe(false)
        await at.atRest()
      }
    }))
})

test('before a sync, what Argo CD predicts differs from what is stored in the release and in our parts, and not elsewhere', () =>
  withShop({}, async (shop) => {
    const at = new Arrival(shop, 'orders')
    for (const object of objectsOf(at, 2)) await apply('argocd-controller', object)
    await shop.rolledOut()
    const asked = await apply('argocd-controller', at.object(3), dry)
    const [predicted, stored] = [bare(JSON.parse(asked.stdout)), bare(await live(shop, at.object(3)))]
    expect(predicted).not.toEqual(stored)
    stored.metadata.annotations['lockkeeper.dev/schema-version'] = '3'
    stored.spec.template.spec.containers[0].env[0].value = '3'
    expect(predicted).toEqual(stored)
  }))

type Stored = Awaited<ReturnType<typeof get>>
const live = ({ namespace }: Shop, object: object): Promise<Stored> => {
  const { kind, metadata } = object as { kind: string; metadata: { name: string } }
  return get('-n', namespace, kind, metadata.name)
}

/** What such a tool leaves out of a comparison: what the server alone writes. */
function compared({ status: _, ...object }: Stored): Stored {
  const { managedFields: _fields, generation: _generation, resourceVersion: _version, ...metadata } = object.metadata
  return { ...object, metadata }
}

/** Compared as these tools do it: a dry run of the manifest beside what is stored. */
async function differs(shop: Shop, manager: string, object: object): Promise<boolean> {
  const { stdout, code, output } = await apply(manager, object, dry)
  expect(code, output).toBe(0)
  return JSON.stringify(compared(JSON.parse(stdout))) !== JSON.stringify(compared(await live(shop, object)))
}

/** Without our parts. */
function bare(object: Stored): Stored {
  const copy = compared(structuredClone(object))
  const { metadata, spec } = copy.spec.template
  expect(spec.initContainers.map(({ name }: { name: string }) => name)).toEqual(['lockkeeper-migrate'])
  delete metadata.annotations
  delete spec.initContainers
  delete spec.volumes
  return copy
}
