import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { exampleSets } from '../tools/example-sets.ts'
import { images, installed } from './tools/install.ts'
import { type Files, release, type Shop, withShop } from './tools/orders.ts'
import { apply, get, kubectl, must, mustApply, mustKubectl, type Result, run, waitFor } from './tools/shell.ts'

installed('helm')

const root = join(import.meta.dirname, '../..')
const program = join(root, 'src/cli/main.ts')
const exampleMigrations = join(root, 'manifests/examples/orders/chart/migrations')

async function inFolder<T>(files: Files, use: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'lockkeeper-sources-'))
  try {
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
    return await use(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Writes the catalogue of a folder into the shop, as the docs say. */
async function applyCatalogue(shop: Shop, folder: string): Promise<void> {
  const args = ['catalogue', '--name', 'orders-catalogue', '-n', shop.namespace, '-m', folder]
  const manifest = await must(process.execPath, [program, ...args])
  await must('kubectl', ['apply', '-f', '-'], { input: manifest })
}

// biome-ignore lint/suspicious/noExplicitAny: objects of the API as they come
type Any = any
interface Wanted {
  readonly annotations: Readonly<Record<string, string>>
  readonly edit?: (container: Any) => void
}
function object(shop: Shop, version: number, { annotations, edit }: Wanted): Any {
  const made: Any = shop.object(version, { replicas: 1, annotations })
  edit?.(made.spec.template.spec.containers[0])
  return made
}
async function deploy(shop: Shop, version: number, wanted: Wanted): Promise<Result> {
  const result = await apply(object(shop, version, wanted))
  expect(result.code, result.output).toBe(0)
  return result
}
/** How an init container of the shop's newest pod ended, once it did with another exit code than 0. */
const failureOf = (shop: Shop, name: string): Promise<{ exitCode: number; message: string }> =>
  waitFor(`${name} to fail`, async () => {
    const { items } = await get('-n', shop.namespace, 'pods', '-l', 'app=orders')
    const states = items.flatMap((pod: Any) => pod.status.initContainerStatuses ?? [])
    return states
      .filter((state: Any) => state.name === name)
      .map((state: Any) => state.state.terminated ?? state.lastState?.terminated)
      .find((terminated: Any) => terminated !== undefined && terminated.exitCode !== 0)
  })

/** Whether every node mounts an image as a volume: containerd from 2.1 and CRI-O from 1.31 on. */
async function nodesMountImages(): Promise<boolean> {
  const { items } = await get('nodes')
  return items.every((node: Any) => {
    const [, runtime, major, minor] =
      /^([\w-]+):\/\/v?(\d+)\.(\d+)/.exec(node.status.nodeInfo.containerRuntimeVersion) ?? []
    const since = { containerd: 2001, 'cri-o': 1031 }[runtime ?? '']
    return since !== undefined && Number(major) * 1000 + Number(minor) >= since
  })
}
const mounted = await nodesMountImages()
if (!mounted) console.log('skipped: images as volumes (the nodes cannot mount them)')

describe('files in an image', () => {
  const fromApp = {
    'lockkeeper.dev/migrations': 'container/orders:/app/migrations',
    'lockkeeper.dev/catalogue': 'configmap/orders-catalogue',
  }
  const fromImage = () => ({ ...fromApp, 'lockkeeper.dev/migrations': `image/${images().example}:/app/migrations` })
  const restricted = (container: Any) => {
    container.securityContext = {
      ...{ allowPrivilegeEscalation: false, runAsNonRoot: true, capabilities: { drop: ['ALL'] } },
      seccompProfile: { type: 'RuntimeDefault' },
    }
  }

  const restrict = ({ namespace }: Shop) =>
    mustKubectl('label', '--overwrite', 'namespace', namespace, 'pod-security.kubernetes.io/enforce=restricted')

  /** From 2 to 3, and back by an undo. */
  async function upAndBack(shop: Shop, wanted: Wanted): Promise<void> {
    await deploy(shop, 3, wanted)
    await shop.rolledOut()
    expect(await shop.versions()).toEqual(['1', '2', '3'])
    expect((await kubectl('-n', shop.namespace, 'rollout', 'undo', 'deployment/orders')).code).toBe(0)
    await shop.rolledOut()
    expect(await shop.versions()).toEqual(['1', '2'])
  }

  test('of the application are taken up and back in a restricted namespace, and an apply of the same rolls no pod', () =>
    withShop({ 'lockkeeper.dev/on-rollback': 'always' }, async (shop) => {
      await restrict(shop)
      await applyCatalogue(shop, exampleMigrations)
      const wanted = { annotations: fromApp, edit: restricted }
      const first = await deploy(shop, 2, wanted)
      expect(first.stderr).toContain('up 2 add_note, back by 2_add_note.down.sql')
      expect(first.stderr).not.toContain('would violate PodSecurity')
      await shop.rolledOut()
      expect(await shop.versions()).toEqual(['1', '2'])
      const pods = await shop.pods()
      const again = await deploy(shop, 2, wanted)
      expect(again.stdout).toContain('unchanged')
      expect(await shop.pods()).toEqual(pods)

      await upAndBack(shop, wanted)
    }))

  test('of its own are copied too, and all of it goes with the annotation', () =>
    withShop({}, async (shop) => {
      await applyCatalogue(shop, exampleMigrations)
      const bare = object(shop, 1, { annotations: {} })
      await deploy(shop, 1, { annotations: fromImage() })
      await shop.rolledOut()
      expect(await shop.versions()).toEqual(['1'])
      await mustKubectl('-n', shop.namespace, 'annotate', 'deployment/orders', 'lockkeeper.dev/schema-version-')
      const { spec } = (await get('-n', shop.namespace, 'deployment', 'orders')).spec.template
      expect([spec.initContainers, spec.volumes]).toEqual([undefined, undefined])
      expect(spec.containers[0].env).toEqual(bare.spec.template.spec.containers[0].env)
    }))

  test.skipIf(!mounted)('that the nodes mount are taken up and back, with no container that copies them', () =>
    withShop({ 'config.lockkeeper.dev/image-volume': 'true', 'lockkeeper.dev/on-rollback': 'always' }, async (shop) => {
      await restrict(shop)
      await applyCatalogue(shop, exampleMigrations)
      const wanted = { annotations: fromImage(), edit: restricted }
      await deploy(shop, 2, wanted)
      await shop.rolledOut()
      expect(await shop.versions()).toEqual(['1', '2'])
      const { spec } = (await get('-n', shop.namespace, 'deployment', 'orders')).spec.template
      expect(spec.initContainers.map(({ name }: Any) => name)).toEqual(['lockkeeper-migrate'])
      const again = await deploy(shop, 2, wanted)
      expect(again.stdout).toContain('unchanged')

      await upAndBack(shop, wanted)
    }),
  )

  test('without a catalogue are refused, and both ways out are named', () =>
    withShop({}, async (shop) => {
      const { 'lockkeeper.dev/catalogue': _, ...annotations } = fromApp
      const refused = await apply(object(shop, 1, { annotations }))
      expect(refused.code).toBe(1)
      expect(refused.stderr).toContain('source-unreadable  the migrations are in the image of container orders')
      expect(refused.stderr).toContain(
        'set lockkeeper.dev/catalogue: configmap/NAME; or put the files into a ConfigMap',
      )
    }))

  test('that are not those of the catalogue are refused by the runner under a strict policy, until the catalogue is right', () =>
    withShop(
      { 'lockkeeper.dev/deny-findings': 'truncate-loses-data', 'config.lockkeeper.dev/deadline': '5s' },
      async (shop) => {
        const lie = { '1_create_orders.up.sql': 'SELECT 1;', '1_create_orders.down.sql': 'SELECT 1;' }
        await inFolder(lie, (folder) => applyCatalogue(shop, folder))
        await deploy(shop, 1, { annotations: fromApp })
        const failed = await failureOf(shop, 'lockkeeper-migrate')
        expect(failed.exitCode).toBe(12)
        expect(JSON.parse(failed.message)).toMatchObject({ code: 'files-changed' })
        expect(await shop.sql("select to_regclass('orders')::text")).toEqual([])
        await applyCatalogue(shop, exampleMigrations)
        await mustKubectl('-n', shop.namespace, 'rollout', 'restart', 'deployment/orders')
        await shop.rolledOut()
        expect(await shop.versions()).toEqual(['1'])
      },
    ))

  test('that are not where the annotation says: the pod says what cp says', () =>
    withShop({}, async (shop) => {
      await applyCatalogue(shop, exampleMigrations)
      await deploy(shop, 1, {
        annotations: { ...fromApp, 'lockkeeper.dev/migrations': 'container/orders:/app/nothing' },
      })
      const failed = await failureOf(shop, 'lockkeeper-files')
      expect(failed.message).toContain('/app/nothing/.')
    }))
})

describe('files in ConfigMaps', () => {
  test('of two, one with keys for names that it cannot hold, one with bytes, are one set', () =>
    withShop({}, async (shop) => {
      const [first, ...others] = Object.entries(exampleSets.dbdeploy)
      expect(first?.[0]).toBe('1 create customers.sql')
      await inFolder(Object.fromEntries(others), async (folder) => {
        const files = others.map(([name]) => `--from-file=${name.replaceAll(' ', '_')}=${join(folder, name)}`)
        await mustKubectl('-n', shop.namespace, 'create', 'configmap', 'later', ...files)
      })
      await mustApply({
        ...{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'first', namespace: shop.namespace } },
        binaryData: { '1_create_customers.sql': Buffer.from(first?.[1] ?? '').toString('base64') },
      })
      await deploy(shop, 5, { annotations: { 'lockkeeper.dev/migrations': 'configmap/first,later' } })
      await waitFor('all five', async () => (await shop.versions()).length === 5)
      expect((await shop.events()).filter(({ message }) => message?.includes('files differ'))).toEqual([])

      await mustKubectl(
        '-n',
        shop.namespace,
        'create',
        'configmap',
        'twice',
        '--from-literal=3_touch_orders.sql=SELECT 1;',
      )
      const refused = await apply(
        object(shop, 6, { annotations: { 'lockkeeper.dev/migrations': 'first,later,twice' } }),
      )
      expect(refused.stderr).toMatch(
        /version-duplicate +3_touch_orders\.sql is in ConfigMap later and in ConfigMap twice\n +fix: keep it in one of them/,
      )
    }))

  test('that kubectl took for bytes, since they are not UTF-8, are refused by file and line', () =>
    withShop({}, async (shop) => {
      await inFolder({}, async (folder) => {
        const file = join(folder, '1_a.up.sql')
        writeFileSync(file, Buffer.from("SELECT 1;\nSELECT 'gr\u00fcn';\n", 'latin1'))
        await mustKubectl('-n', shop.namespace, 'create', 'configmap', 'orders-migrations', `--from-file=${file}`)
      })
      const refused = await apply(object(shop, 1, { annotations: {} }))
      expect(refused.stderr).toContain('source-unreadable  1_a.up.sql is not UTF-8 (line 2)')
    }))
})

describe('kustomize', () => {
  const blocks = readFileSync(join(root, 'docs/sources.md'), 'utf8').split('```')
  /** A file as docs/sources.md shows it. */
  const documented = (name: string) => blocks.find((block) => block.startsWith(`yaml\n# ${name}\n`))?.slice(5) ?? ''
  const kustomization = (files: readonly string[], namespace: string) => {
    const listed = files.map((file) => `      - ${file}\n`).join('')
    return {
      'kustomization.yaml': `namespace: ${namespace}\n${documented('kustomization.yaml').replace(/( {6}- .*\n)+/, listed)}`,
      'lockkeeper.yaml': documented('lockkeeper.yaml'),
    }
  }

  test('rewrites the bare name to that of the generated ConfigMap, which each release then has for itself', () =>
    withShop({ 'lockkeeper.dev/on-rollback': 'always' }, async (shop) => {
      const names: string[] = []
      for (const version of [1, 2]) {
        const files = release(version)
        const deployment = object(shop, version, { annotations: { 'lockkeeper.dev/migrations': 'orders-migrations' } })
        const whole = {
          ...files,
          ...kustomization(Object.keys(files), shop.namespace),
          'deployment.yaml': JSON.stringify(deployment),
        }
        await inFolder(whole, async (folder) => {
          const reviewed = await run(process.execPath, [program, 'review', '-f', '-'], {
            input: await mustKubectl('kustomize', folder),
          })
          expect(reviewed.stdout).toContain(`deployment/orders in ${shop.namespace}: allowed`)
          const { code, output } = await kubectl('apply', '-k', folder)
          expect(code, output).toBe(0)
        })
        await shop.rolledOut()
        const { metadata } = await get('-n', shop.namespace, 'deployment', 'orders')
        names.push(metadata.annotations['lockkeeper.dev/migrations'])
      }
      expect(await shop.versions()).toEqual(['1', '2'])
      expect(names).toEqual(names.map(() => expect.stringMatching(/^orders-migrations-[a-z0-9]{10}$/)))
      expect(new Set(names).size).toBe(2)
      // The way back finds the ConfigMap of its own release.
      const undo = await kubectl('-n', shop.namespace, 'rollout', 'undo', 'deployment/orders')
      expect(undo.output).not.toContain('source-missing')
      await shop.rolledOut()
      expect(await shop.versions()).toEqual(['1'])
    }))

  test('takes a file whose name no key can hold under another key', () =>
    withShop({}, async (shop) => {
      const spaced = { '1 create orders.sql': 'CREATE TABLE orders (id int);\n--//@UNDO\nDROP TABLE orders;\n' }
      const whole = { ...spaced, ...kustomization(['1_create_orders.sql=1 create orders.sql'], shop.namespace) }
      await inFolder(
        { ...whole, 'deployment.yaml': JSON.stringify(object(shop, 1, { annotations: {} })) },
        async (folder) => {
          expect(await mustKubectl('kustomize', folder)).toContain('1_create_orders.sql: |')
        },
      )
    }))
})

describe('the database', () => {
  const host = (shop: Shop) => `postgres.${shop.databaseNamespace}`
  const secret = (shop: Shop, name: string, stringData: Readonly<Record<string, string>>) =>
    mustApply({ apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace: shop.namespace }, stringData })

  test('in a Secret of separate keys, as CloudNativePG writes it, is reached by the mode that stands there', () =>
    withShop({ 'config.lockkeeper.dev/deadline': '5s' }, async (shop) => {
      await shop.files(release(1))
      const keys = {
        ...{ username: 'postgres', user: 'postgres', password: 'example', dbname: shop.database },
        ...{ host: host(shop), port: '5432', pgpass: 'unused', 'jdbc-uri': 'jdbc:postgresql://unused' },
      }
      await secret(shop, 'orders-db-app', { ...keys, sslmode: 'require' })
      const annotations = { 'lockkeeper.dev/database': 'secret/orders-db-app' }
      await deploy(shop, 1, { annotations })
      const failed = await failureOf(shop, 'lockkeeper-migrate')
      expect(failed.exitCode).toBe(13)
      expect(failed.message).toContain('offers no TLS')
      await secret(shop, 'orders-db-app', { ...keys, sslmode: 'disable' })
      await mustKubectl('-n', shop.namespace, 'delete', 'pods', '--all', '--wait=false')
      await shop.rolledOut()
      expect(await shop.versions()).toEqual(['1'])
    }))

  test('whose host is elsewhere, as with Zalando, is said to lack it; a URL made in env has it, user and password by envFrom', () =>
    withShop({}, async (shop) => {
      await shop.files(release(1))
      await secret(shop, 'postgres.orders.credentials', { username: 'postgres', password: 'example' })
      await deploy(shop, 1, { annotations: { 'lockkeeper.dev/database': 'secret/postgres.orders.credentials' } })
      const failed = await failureOf(shop, 'lockkeeper-migrate')
      expect(failed.exitCode).toBe(14)
      expect(failed.message).toContain('has username, password, but no URI')
      expect(failed.message).toContain('lockkeeper.dev/database: env/CONTAINER:NAME')

      await deploy(shop, 1, {
        annotations: { 'lockkeeper.dev/database': 'env/orders:MIGRATION_URL' },
        edit: (container) => {
          container.envFrom = [{ prefix: 'DB_', secretRef: { name: 'postgres.orders.credentials' } }]
          container.env.push({
            name: 'MIGRATION_URL',
            value: `postgresql://$(DB_username):$(DB_password)@${host(shop)}:5432/${shop.database}`,
          })
        },
      })
      await shop.rolledOut()
      expect(await shop.versions()).toEqual(['1'])
      const { spec } = (await get('-n', shop.namespace, 'deployment', 'orders')).spec.template
      expect(JSON.stringify(spec.initContainers)).not.toContain('example')
    }))

  test('of which only envFrom has the whole URL is taken from the last one that has it', () =>
    withShop({}, async (shop) => {
      await shop.files(release(1))
      const url = `postgresql://postgres:example@${host(shop)}:5432/${shop.database}`
      const wrong = 'postgresql://nobody@nowhere:1/x'
      await secret(shop, 'one', { URL: wrong })
      await secret(shop, 'two', { URL: url, NODE_OPTIONS: '--require=/not/there', PGHOST: 'nowhere' })
      await secret(shop, 'three', { OTHER: 'x' })
      const refused = await apply(object(shop, 1, { annotations: { 'lockkeeper.dev/database': 'env/sidecar:URL' } }))
      expect(refused.stderr).toContain('URL of container sidecar, which has it neither in env nor in envFrom')
      const made = object(shop, 1, { annotations: { 'lockkeeper.dev/database': 'env/sidecar:URL' } })
      made.spec.template.spec.containers.push({
        ...{ name: 'sidecar', image: images().example, imagePullPolicy: 'IfNotPresent' },
        command: ['sleep', '3600'],
        envFrom: ['one', 'two', 'three'].map((name) => ({ secretRef: { name } })),
      })
      const { code, output } = await apply(made)
      expect(code, output).toBe(0)
      await waitFor('the migration', async () => (await shop.versions())[0] === '1')
      await waitFor('the runner to be done', async () => (await shop.events()).some(({ event }) => event === 'done'))
    }))
})
