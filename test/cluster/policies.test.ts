import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { publicKeyLine } from '../../src/proof/signature.ts'
import { installed } from './tools/install.ts'
import { type Files, release, type Shop, withShop } from './tools/orders.ts'
import { must } from './tools/shell.ts'

installed('helm')

const root = join(import.meta.dirname, '../..')
const migrations = join(root, 'manifests/examples/orders/chart/migrations')
const program = (...args: string[]) => must(process.execPath, [join(root, 'src/cli/main.ts'), ...args])

describe('rollback-policy: proven', () => {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const policy = {
    'lockkeeper.dev/rollback-policy': 'proven',
    'lockkeeper.dev/proof-key': publicKeyLine(publicKey),
  }
  const catalogue = { 'lockkeeper.dev/catalogue': 'configmap/orders-catalogue' }

  test('refuses a release that nobody tried, and takes it with the signed proof that the pipeline made', () =>
    withShop(policy, async (shop) => {
      const folder = mkdtempSync(join(tmpdir(), 'lockkeeper-proven-'))
      try {
        await shop.files(release(3))
        const bare = await shop.deploy(3, { replicas: 1 })
        expect(bare.code).toBe(1)
        expect(bare.stderr).toContain('rollback-unproven  version 1, 2, 3: no proof comes with the migrations')
        expect(bare.stderr).toContain(`Policy: rollback-policy=proven on namespace ${shop.namespace}.`)

        const [key, proof] = [join(folder, 'proof.key'), join(folder, 'migrations.proof')]
        writeFileSync(key, privateKey.export({ format: 'pem', type: 'pkcs8' }), { mode: 0o600 })
        await program('prove', '-q', '-m', migrations, '--proof', proof, '--sign', key)
        const args = ['--name', 'orders-catalogue', '-n', shop.namespace, '--proof', proof]
        const manifest = await program('catalogue', '-m', migrations, ...args)
        await must('kubectl', ['apply', '-f', '-'], { input: manifest })
        const proven = await shop.deploy(3, { replicas: 1, annotations: catalogue })
        expect(proven.code, proven.output).toBe(0)
        await shop.rolledOut()
        expect(await shop.versions()).toEqual(['1', '2', '3'])
      } finally {
        rmSync(folder, { recursive: true, force: true })
      }
    }))
})

describe('deny-findings', () => {
  const locks: Files = {
    ...release(2),
    '3_index.up.sql': 'CREATE INDEX orders_note ON orders (note);\n',
    '3_index.down.sql': 'DROP INDEX orders_note;\n',
  }
  const upgrade = async (shop: Shop) => {
    await shop.files(release(2))
    const first = await shop.deploy(2, { replicas: 0 })
    expect(first.code, first.output).toBe(0)
    await shop.files(locks)
    return shop.deploy(3, { replicas: 0, code: 2 })
  }

  test('refuses SQL that blocks writers where its code is listed', () =>
    withShop({ 'lockkeeper.dev/deny-findings': 'index-blocks-writes' }, async (shop) => {
      const refused = await upgrade(shop)
      expect(refused.code).toBe(1)
      expect(refused.stderr).toContain('  index-blocks-writes  3_index.up.sql line 1 ')
      expect(refused.stderr).toContain(`Policy: deny-findings=index-blocks-writes on namespace ${shop.namespace}.`)
    }))

  test('and only warns of it elsewhere', () =>
    withShop({}, async (shop) => {
      const allowed = await upgrade(shop)
      expect(allowed.code, allowed.output).toBe(0)
      expect(allowed.stderr).toContain('Warning: index-blocks-writes: 3_index.up.sql line 1 ')
      expect(allowed.stderr).toContain('an undo to 2 leaves the schema: its code is known to work on it')
    }))
})
