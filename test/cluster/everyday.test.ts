import { describe, expect, test } from 'vitest'
import { upgradeShop, withChart } from './tools/helm.ts'
import { images, installed } from './tools/install.ts'
import { release, type Shop, withShop } from './tools/orders.ts'
import { withProgram } from './tools/program.ts'
import { apply, get, kubectl, mustKubectl, run, waitFor } from './tools/shell.ts'

installed('kubectl')

const always = { 'lockkeeper.dev/on-rollback': 'always' }
const go = async (shop: Shop, version: number, options = {}) => {
  await shop.files(release(version))
  const { code, output } = await shop.deploy(version, options)
  expect(code, output).toBe(0)
  await shop.rolledOut((options as { name?: string }).name)
}
describe.concurrent('every day', () => {
  test('broken SQL keeps the old pods serving and says where it broke; the corrected ConfigMap alone goes on', () =>
    withShop({}, async (shop) => {
      await go(shop, 2)
      const broken = {
        ...release(2),
        '3_broken.up.sql': 'CREATE TABLE bills (id int);\nALTER TABL orders ADD x int;\n',
        '3_broken.down.sql': 'DROP TABLE bills;\n',
      }
      await shop.files(broken)
      expect((await shop.deploy(3, { code: 2 })).code).toBe(0)
      const described = await waitFor('the place of the error in kubectl describe pod', async () => {
        const text = await mustKubectl('-n', shop.namespace, 'describe', 'pods', '-l', 'app=orders')
        return text.includes('migration-failed') ? text : undefined
      })
      expect(described).toContain('3_broken.up.sql line 2')
      expect(described).toContain('"sqlstate":"42601"')
      expect(described).toContain('correct 3_broken.up.sql and deploy again')
      expect((await get('-n', shop.namespace, 'deployment', 'orders')).status.readyReplicas).toBe(2)
      expect(await shop.versions()).toEqual(['1', '2'])
      expect(await shop.sql(`select 1 from pg_tables where tablename = 'bills'`)).toEqual([])
      await shop.files({ ...broken, '3_broken.up.sql': 'CREATE TABLE bills (id int);\n' })
      await waitFor('the corrected files to be applied', async () => (await shop.versions()).includes('3'), 280)
      await shop.rolledOut()
      expect(await shop.sql(`select event from lockkeeper.journal where event = 'files-rechecked'`)).toEqual([
        ['files-rechecked'],
      ])
    }))

  test('going back from a version that never went through is allowed, and starts at once', () =>
    withShop({}, async (shop) => {
      await go(shop, 2)
      await shop.files({ ...release(2), '3_broken.up.sql': 'SELEC 1;', '3_broken.down.sql': 'SELECT 1;' })
      await shop.deploy(3, { code: 2 })
      await waitFor('the failure', async () => (await shop.events()).some(({ event }) => event === 'failed'))
      expect((await kubectl('-n', shop.namespace, 'rollout', 'undo', 'deployment/orders')).code).toBe(0)
      await shop.rolledOut()
      expect(await shop.versions()).toEqual(['1', '2'])
    }))

  test('a runner that is killed in the middle leaves nothing half done, and the next pod finishes', () =>
    withShop({}, async (shop) => {
      await shop.files({
        '1_slow.up.sql':
          'CREATE TABLE orders (id int, item text);\nSELECT pg_sleep(6);\nINSERT INTO orders VALUES (1);\n',
        '1_slow.down.sql': 'DROP TABLE orders;\n',
      })
      expect((await shop.deploy(1, { replicas: 1 })).code).toBe(0)
      const asleep = `select 1 from pg_stat_activity where wait_event = 'PgSleep' and datname = current_database()`
      await waitFor('the runner to apply', async () => (await shop.sql(asleep)).length > 0)
      await mustKubectl('-n', shop.namespace, 'delete', 'pods', '-l', 'app=orders', '--force', '--grace-period=0')
      await shop.rolledOut()
      expect(await shop.sql('select id from orders')).toEqual([['1']])
      expect(await shop.versions()).toEqual(['1'])
    }))

  test('two Deployments on one database come down together, once, and a deleted one is forgotten', () =>
    withShop(always, async (shop) => {
      await shop.files(release(3))
      for (const name of ['a', 'b']) expect((await shop.deploy(3, { name })).code).toBe(0)
      await Promise.all([shop.rolledOut('a'), shop.rolledOut('b')])
      await shop.files(release(2))
      expect((await shop.deploy(2, { name: 'a' })).code).toBe(0)
      const waiting = await waitFor('a to wait for b', async () =>
        (await shop.events('a')).find(
          ({ event, message = '' }) => event === 'waiting' && message.includes('holds the schema'),
        ),
      )
      expect(waiting.message).toContain(`${shop.namespace}/Deployment/b holds the schema at 3`)
      expect(await shop.versions()).toEqual(['1', '2', '3'])
      expect((await shop.deploy(2, { name: 'b' })).code).toBe(0)
      await Promise.all([shop.rolledOut('a'), shop.rolledOut('b')])
      expect(await shop.versions()).toEqual(['1', '2'])
      expect(await shop.sql(`select version from lockkeeper.journal where event = 'reverted'`)).toEqual([['3']])

      await mustKubectl('-n', shop.namespace, 'delete', 'deployment', 'b')
      expect((await shop.deploy(1, { name: 'a' })).code).toBe(0)
      await waitFor('a to wait for the deleted b', async () =>
        (await shop.events('a')).some(({ message = '' }) => message.includes('Deployment/b holds the schema at 2')),
      )
      const forgot = await withProgram(shop, (lockkeeper) =>
        lockkeeper('forget', '--workload', `${shop.namespace}/Deployment/b`),
      )
      expect(forgot.output).toContain('forgot')
      await shop.rolledOut('a')
      expect(await shop.versions()).toEqual(['1'])
    }))

  test('going up, the first leaves the pods of the second restarting and scaling freely', () =>
    withShop({}, async (shop) => {
      await shop.files(release(1))
      for (const name of ['a', 'b']) expect((await shop.deploy(1, { name })).code).toBe(0)
      await Promise.all([shop.rolledOut('a'), shop.rolledOut('b')])
      await go(shop, 2, { name: 'a' })
      await mustKubectl('-n', shop.namespace, 'scale', 'deployment/b', '--replicas=3')
      await mustKubectl('-n', shop.namespace, 'delete', 'pods', '-l', 'app=b', '--wait=false')
      await shop.rolledOut('b')
      expect(await shop.versions()).toEqual(['1', '2'])
    }))

  test('two that go up together over a change that breaks both wait for each other, and one of them migrates', () =>
    withShop({}, async (shop) => {
      await shop.files(release(2))
      for (const name of ['a', 'b']) expect((await shop.deploy(2, { name, replicas: 1 })).code).toBe(0)
      await Promise.all([shop.rolledOut('a'), shop.rolledOut('b')])
      await shop.files(release(3))
      expect((await shop.deploy(3, { name: 'a', replicas: 1 })).code).toBe(0)
      await waitFor('the first to wait for the second', async () =>
        (await shop.events('a')).some(({ event, message }) => event === 'waiting' && message?.includes('Deployment/b')),
      )
      expect((await shop.deploy(3, { name: 'b', replicas: 1 })).code).toBe(0)
      await Promise.all([shop.rolledOut('a'), shop.rolledOut('b')])
      expect(await shop.versions()).toEqual(['1', '2', '3'])
    }))

  test('no restart ever reverts: drained pods of an older release come back on the newer schema', () =>
    withShop(always, async (shop) => {
      await shop.files(release(1))
      expect((await shop.deploy(1, { name: 'a' })).code).toBe(0)
      await shop.rolledOut('a')
      await go(shop, 2, { name: 'b' })
      const before = await shop.pods('a')
      await shop.evict('a')
      await shop.rolledOut('a')
      expect((await shop.pods('a')).some((uid) => before.includes(uid))).toBe(false)
      expect(await shop.versions()).toEqual(['1', '2'])
      expect(await shop.sql(`select event from lockkeeper.journal where event = 'reverted'`)).toEqual([])
    }))

  test('two sets number their migrations apart', () =>
    withShop({}, async (shop) => {
      await go(shop, 2, { name: 'a' })
      await shop.files(
        { '1_bills.up.sql': 'CREATE TABLE bills (id int);', '1_bills.down.sql': 'DROP TABLE bills;' },
        'bills',
      )
      const annotations = { 'lockkeeper.dev/set': 'bills', 'lockkeeper.dev/migrations': 'bills' }
      expect((await shop.deploy(1, { name: 'b', annotations })).code).toBe(0)
      await shop.rolledOut('b')
      expect([await shop.versions(), await shop.versions('bills')]).toEqual([['1', '2'], ['1']])
    }))

  test('diff and dry runs of ConfigMap and Deployment together pass without drift; edits replace no pod', () =>
    withShop({}, async (shop) => {
      await go(shop, 2)
      const map = {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: 'orders-migrations', namespace: shop.namespace },
        data: release(3),
      }
      const both = [map, shop.object(3)]
      const input = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: both })
      const dry = await run('kubectl', ['apply', '--dry-run=server', '-f', '-'], { input })
      expect(dry.code, dry.output).toBe(0)
      const diff = await run('kubectl', ['diff', '-f', '-'], { input })
      expect(diff.code, diff.output).toBe(1)
      expect((await apply(both)).code).toBe(0)
      await shop.rolledOut()
      const second = await run('kubectl', ['diff', '-f', '-'], { input })
      expect(second.stdout).toBe('')
      expect(second.code, second.output).toBe(0)

      const before = await shop.pods()
      const deployment = ['-n', shop.namespace, 'deployment/orders']
      await mustKubectl('-n', shop.namespace, 'delete', 'configmap', 'orders-migrations')
      await mustKubectl('label', ...deployment, 'team=a')
      const edited = await kubectl('set', 'env', ...deployment, '-c', 'lockkeeper-migrate', 'FOO=bar')
      expect(edited.output).toContain('was put back')
      await shop.rolledOut()
      expect(await shop.pods()).toEqual(before)
      await mustKubectl('scale', ...deployment, '--replicas=3')
      await shop.rolledOut()
      const after = await shop.pods()
      expect(before.every((uid) => after.includes(uid))).toBe(true)
      const image = await kubectl('set', 'image', ...deployment, `orders=${otherName(images().example)}`)
      expect(image.code, image.output).toBe(0)
      expect(image.output).toContain('source-missing')
      await shop.rolledOut()
      await mustKubectl('-n', shop.namespace, 'delete', 'pods', '-l', 'app=orders', '--wait=false')
      await shop.rolledOut()
    }))

  test('a namespace that lets us look hears that the Secret of its database is not there, and no other does', async () => {
    const deploy = async (shop: Shop) => {
      await shop.files(release(1))
      const annotations = { 'lockkeeper.dev/database': 'secret/nobody-made-it#uri' }
      return (await shop.deploy(1, { replicas: 0, annotations })).output
    }
    await withShop({}, async (shop) => expect(await deploy(shop)).not.toContain('database-missing'))
    await withShop({}, async (shop) => {
      const us = 'lockkeeper:lockkeeper'
      const role = ['create', 'rolebinding', 'lockkeeper', '--clusterrole=lockkeeper-secrets', `--serviceaccount=${us}`]
      await mustKubectl('-n', shop.namespace, ...role)
      const may = ['-n', shop.namespace, 'auth', 'can-i', 'get', 'secrets', `--as=system:serviceaccount:${us}`]
      await waitFor('the role to count', async () => (await kubectl(...may)).code === 0)
      expect(await deploy(shop)).toContain('Warning: database-missing: Secret nobody-made-it does not exist yet')
    })
  })

  test('a namespace without the label and a Deployment without the annotation see nothing of us', async () => {
    const bare = async (shop: Shop, name: string) =>
      JSON.stringify(await get('-n', shop.namespace, 'deployment', name)).includes('lockkeeper-migrate')
    await withShop(
      {},
      async (shop) => {
        expect((await shop.deploy(2, { replicas: 0 })).output).not.toContain('Warning')
        expect(await bare(shop, 'orders')).toBe(false)
      },
      '',
    )
    await withShop({}, async (shop) => {
      const plain = shop.object(2, { replicas: 0 }) as { metadata: Record<string, unknown> }
      expect((await apply({ ...plain, metadata: { ...plain.metadata, annotations: {} } })).code).toBe(0)
      expect(await bare(shop, 'orders')).toBe(false)
    })
  })

  describe.each(['helm', 'helm4'] as const)('with %s', (helm) => {
    const upgrade = (shop: Shop, version: number, folder?: string) => upgradeShop(helm, shop, version, folder)

    test('a release goes up, is refused without a down script, and a rollback runs the stored one', () =>
      withShop(always, async (shop) => {
        for (const version of [1, 2, 3]) {
          const { code, output } = await upgrade(shop, version)
          expect(code, output).toBe(0)
          await shop.rolledOut()
        }
        expect(await shop.versions()).toEqual(['1', '2', '3'])
        const back = await run(helm, ['rollback', 'orders', '2', '-n', shop.namespace])
        expect(back.code, back.output).toBe(0)
        await shop.rolledOut()
        expect(await shop.versions()).toEqual(['1', '2'])
        await withChart({ '3_rename_note.down.sql': '' }, async (folder) => {
          const refused = await upgrade(shop, 3, folder)
          expect(refused.code).toBe(1)
          expect(refused.output).toContain('rollback-empty')
        })
      }))

    test('a corrected script reaches waiting pods though only the ConfigMap changed', () =>
      withShop({}, async (shop) => {
        expect((await upgrade(shop, 1)).code).toBe(0)
        await shop.rolledOut()
        await withChart({ '2_add_note.up.sql': 'ALTER TABL orders ADD note text;' }, async (folder) => {
          const { code, output } = await upgrade(shop, 2, folder)
          expect(code, output).toBe(0)
        })
        await waitFor('the failure', async () => (await shop.events()).some(({ event }) => event === 'failed'))
        expect((await upgrade(shop, 2)).code).toBe(0)
        await waitFor('the corrected files to be applied', async () => (await shop.versions()).includes('2'), 280)
        await shop.rolledOut()
      }))
  })
})

/** The same image by another name: what a hotfix looks like to Kubernetes. */
const otherName = (image: string): string => (image.includes('/') ? image : `docker.io/library/${image}`)
