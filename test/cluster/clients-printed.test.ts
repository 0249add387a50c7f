import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { upgradeShop, withChart } from './tools/helm.ts'
import { images, installed } from './tools/install.ts'
import { type Files, release, type Shop, withShop } from './tools/orders.ts'
import { apply, mustApply, type Result, run } from './tools/shell.ts'

installed('helm')

const LAST = 186
/** What an application that skipped some years of releases brings at once. */
const many: Files = {
  ...release(3),
  ...Object.fromEntries(
    Array.from({ length: LAST - 3 }, (_, i) => [
      [`${i + 4}_add_c${i + 4}.up.sql`, `ALTER TABLE orders ADD COLUMN c${i + 4} integer;\n`],
      [`${i + 4}_add_c${i + 4}.down.sql`, `ALTER TABLE orders DROP COLUMN c${i + 4};\n`],
    ]).flat(),
  ),
}
/** What no policy denies, and a person should know: a lock while an index is built, a step that loses data. */
const harmful: Files = {
  ...release(3),
  '4_drop_remark.up.sql': 'ALTER TABLE orders DROP COLUMN remark;\nCREATE INDEX item_key ON orders (item);\n',
  '4_drop_remark.down.sql': "ALTER TABLE orders ADD COLUMN remark text NOT NULL DEFAULT '';\nDROP INDEX item_key;\n",
}
const misspelt = { 'lockkeeper.dev/on-rolback': 'always' }

interface Story {
  readonly files: Files
  readonly target: number
  readonly annotations?: Readonly<Record<string, string>>
}
const stories: Readonly<Record<string, Story>> = {
  warnings: { files: harmful, target: 4, annotations: misspelt },
  'plan-of-186-migrations': { files: many, target: LAST },
}
const kubectls = {
  'kubectl-apply': ['apply'],
  'kubectl-apply-server-side': ['apply', '--server-side', '--force-conflicts'],
  'kubectl-diff': ['diff'],
} as const

/** Hands a release with a ConfigMap of its own to kubectl, on top of the second one. */
async function byKubectl(
  shop: Shop,
  args: readonly string[],
  { files, target, annotations }: Story,
  immutable = false,
) {
  await shop.files(release(2))
  expect((await apply(shop.object(2, { replicas: 0 }))).code).toBe(0)
  const name = `orders-${target}`
  const metadata = { name, namespace: shop.namespace }
  await mustApply({ apiVersion: 'v1', kind: 'ConfigMap', metadata, data: files, immutable })
  const object = shop.object(target, {
    replicas: 0,
    annotations: { 'lockkeeper.dev/migrations': `configmap/${name}`, ...annotations },
  })
  return run('kubectl', [...args, '-f', '-'], { input: JSON.stringify(object) })
}

describe.each(Object.entries(stories))('what a person sees of %s', (name, story) => {
  test.each(Object.entries(kubectls))('by %s', (_, args) =>
    withShop({}, async (shop) => {
      const result = await byKubectl(shop, args, story)
      await expectPrinted(shop, 'kubectl', name, result, 'shop/Deployment/orders: schema 2 to')
    }),
  )

  test.each(['helm', 'helm4'] as const)('by %s', (helm) =>
    withShop({}, async (shop) => {
      const more = ['--set', 'replicas=0']
      expect((await upgradeShop(helm, shop, 2, undefined, more)).code).toBe(0)
      for (const [key, value] of Object.entries(story.annotations ?? {}))
        more.push('--set', `annotations.${key.replaceAll('.', '\\.')}=${value}`)
      const result = await withChart(story.files, (folder) => upgradeShop(helm, shop, story.target, folder, more))
      await expectPrinted(shop, 'helm', name, result, 'shop/Deployment/orders: schema 2 to')
    }),
  )
})

describe('what a person sees of a denial', () => {
  const { '3_rename_note.down.sql': _, ...files } = release(3)

  // A dry run denies nothing for a ConfigMap that may still change: its diff ends with 1, which means a difference.
  test.each([
    ['kubectl-apply', ['apply'], true, 1],
    ['kubectl-apply-server-side', ['apply', '--server-side', '--force-conflicts'], true, 1],
    ['kubectl-diff', ['diff'], true, 2],
    ['kubectl-diff-mutable', ['diff'], false, 1],
  ] as const)('by %s', (name, args, immutable, code) =>
    withShop({}, async (shop) => {
      const result = await byKubectl(shop, args, { files, target: 3 }, immutable)
      expect(result.code).toBe(code)
      await expectPrinted(shop, name, 'denial', result, 'rollback-missing')
    }),
  )

  test.each(['helm', 'helm4'] as const)('by %s', (helm) =>
    withShop({}, async (shop) => {
      const more = ['--set', 'replicas=0']
      expect((await upgradeShop(helm, shop, 2, undefined, more)).code).toBe(0)
      const emptied = { '3_rename_note.down.sql': '' }
      const refused = await withChart(emptied, (folder) => upgradeShop(helm, shop, 3, folder, more))
      expect(refused.code).toBe(1)
      await expectPrinted(shop, helm, 'denial', refused, 'rollback-empty')
    }),
  )
})

/** Warnings and plans are the same by all commands of one program. */
async function expectPrinted(shop: Shop, program: string, story: string, { stderr }: Result, said: string) {
  const text = stderr
    .replaceAll(shop.namespace, 'shop')
    .replaceAll(images().example, 'orders')
    // Helm's log begins each line with its time, process and place in its source.
    .replaceAll(/^([IW])\d{4} [\d:.]+ +\d+ (\w+\.go):\d+\]/gm, '$1 $2]')
  expect(text).toContain(said)
  await expect(text).toMatchFileSnapshot(join(import.meta.dirname, 'golden', `${program}-${story}.golden.txt`))
}
