import { describe, expect, test } from 'vitest'
import { type ClientCount, withClient } from './tools/client.ts'
import { installed } from './tools/install.ts'
import { release, type Shop, withShop } from './tools/orders.ts'
import { get, kubectl, mustApply, mustKubectl, waitFor } from './tools/shell.ts'

installed('helm')

const notes = `select count(*) from orders where note like 'note-%'`

/** The Service by which a client knows the application. */
const offer = ({ namespace }: Shop) =>
  mustApply({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'orders', namespace },
    spec: { selector: { app: 'orders' }, ports: [{ port: 80, targetPort: 8080 }] },
  })

/** Every row that the application said it wrote is there once, with its note; the table may know more of what failed. */
async function comparison(shop: Shop, { written }: ClientCount, column: 'note' | 'remark' = 'note'): Promise<string> {
  const rows = await shop.sql(`select item, coalesce(nullif(${column}, ''), '-') from orders where item like 'tea-%'`)
  const there = new Map(rows.map(([key = '', note = '']) => [key, note]))
  expect(there.size).toBe(rows.length)
  const lost = Object.entries(written).filter(([key, note]) => there.get(key) !== note)
  expect(lost).toEqual([])
  return `${Object.keys(written).length} rows written, ${rows.length} there`
}

describe('the way back', () => {
  const toThree = async (shop: Shop, options = {}) => {
    for (const version of [2, 3]) {
      await shop.files(release(version))
      const { code, output } = await shop.deploy(version, options)
      expect(code, output).toBe(0)
      await shop.rolledOut()
    }
    await shop.files(release(2))
  }

  test('under always: undo runs the stored down script though the ConfigMap has only v2’s files, and a late v3 pod is fenced', () =>
    withShop({ 'lockkeeper.dev/on-rollback': 'always' }, async (shop) => {
      await toThree(shop)
      const { items } = await get('-n', shop.namespace, 'replicasets')
      const newest = items.find(
        (set: { metadata: { annotations: Record<string, string> } }) =>
          set.metadata.annotations['deployment.kubernetes.io/revision'] === '2',
      )
      const undo = await kubectl('-n', shop.namespace, 'rollout', 'undo', 'deployment/orders')
      expect(undo.output).toContain('rollback-data-loss')
      await shop.rolledOut()
      expect(await shop.versions()).toEqual(['1', '2'])
      expect(
        await shop.sql(
          `select column_name from information_schema.columns where table_name = 'orders' and column_name in ('note', 'remark')`,
        ),
      ).toEqual([['note']])

      const history = await shop.sql('select event, version from lockkeeper.journal order by at')
      const pod = {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: 'late', namespace: shop.namespace },
        spec: { ...newest.spec.template.spec, restartPolicy: 'Never' },
      }
      await mustApply(pod)
      const ended = await waitFor('the late pod to be refused', async () => {
        const { status } = await get('-n', shop.namespace, 'pod', 'late')
        return status.initContainerStatuses?.[0]?.state?.terminated
      })
      expect(ended.exitCode).toBe(12)
      expect(JSON.parse(ended.message)).toMatchObject({ code: 'superseded' })
      expect(await shop.sql('select event, version from lockkeeper.journal order by at')).toEqual(history)
      expect(await shop.versions()).toEqual(['1', '2'])
    }))

  test('under auto, over a change that the older code works with: the schema stays, no request fails, and no row is lost', () =>
    withShop({}, async (shop) => {
      await offer(shop)
      await shop.files(release(1))
      expect((await shop.deploy(1)).code).toBe(0)
      await shop.rolledOut()
      const count = await withClient(shop.namespace, 'orders', async () => {
        await shop.files(release(2))
        const upgrade = await shop.deploy(2)
        expect(upgrade.stderr).toContain('an undo to 1 leaves the schema: its code is known to work on it')
        await shop.rolledOut()
        await waitFor('release 2 to have written notes', async () => Number((await shop.sql(notes))[0]?.[0]) > 50)
        const undo = await kubectl('-n', shop.namespace, 'rollout', 'undo', 'deployment/orders')
        expect(undo.output).toContain('asks for 1 again, and the schema stays at 2 (on-rollback: auto)')
        await shop.rolledOut()
      })
      console.log(`client: ${count.ok} answered, ${count.failed} failed, ${await comparison(shop, count)}`)
      expect(count.problems).toEqual([])
      expect(await shop.versions()).toEqual(['1', '2'])
      expect(await shop.sql(`select version, floor from lockkeeper.migration order by version`)).toEqual([
        ['1', '0'],
        ['2', '0'],
      ])
      expect(
        await shop.sql(`select version, detail from lockkeeper.journal where event = 'applied' order by at`),
      ).toEqual([
        ['1', 'floor 0'],
        ['2', 'floor 0'],
      ])
    }))

  test('under auto and RollingUpdate, over a change that breaks the older code: a warning, the new pods wait with the cures, and v3 goes on serving', () =>
    withShop({ 'config.lockkeeper.dev/deadline': '3s' }, async (shop) => {
      await offer(shop)
      await toThree(shop)
      const count = await withClient(shop.namespace, 'orders', async () => {
        const undo = await kubectl('-n', shop.namespace, 'rollout', 'undo', 'deployment/orders')
        expect(undo.output).toContain('schema-ahead-incompatible')
        const described = await waitFor('the cures in kubectl describe pod', async () => {
          const text = await mustKubectl('-n', shop.namespace, 'describe', 'pods', '-l', 'app=orders')
          return text.includes('schema-ahead-incompatible') ? text : undefined
        })
        expect(described).toMatch(/on-rollback: always/)
      })
      console.log(`client: ${count.ok} answered, ${count.failed} failed, ${await comparison(shop, count, 'remark')}`)
      expect(count.problems).toEqual([])
      expect(await shop.versions()).toEqual(['1', '2', '3'])
      const { status } = await get('-n', shop.namespace, 'deployment', 'orders')
      expect(status.readyReplicas).toBe(2)
    }))

  test('under auto and Recreate, over a change that breaks the older code: the down script runs, and no row is lost', () =>
    withShop({}, async (shop) => {
      await offer(shop)
      await toThree(shop, { strategy: 'Recreate' })
      const count = await withClient(shop.namespace, 'orders', async () => {
        const undo = await kubectl('-n', shop.namespace, 'rollout', 'undo', 'deployment/orders')
        expect(undo.output).toContain('schema 3 goes back to 2 (on-rollback: auto)')
        await shop.rolledOut()
      })
      console.log(`client: ${count.ok} answered, ${count.failed} failed, ${await comparison(shop, count)}`)
      expect(await shop.versions()).toEqual(['1', '2'])
    }))

  test('under keep: the schema stays, and v2 starts', () =>
    withShop({ 'lockkeeper.dev/on-rollback': 'keep' }, async (shop) => {
      await toThree(shop, { code: 1 })
      await kubectl('-n', shop.namespace, 'rollout', 'undo', 'deployment/orders')
      await shop.rolledOut()
      expect(await shop.versions()).toEqual(['1', '2', '3'])
    }))
})
