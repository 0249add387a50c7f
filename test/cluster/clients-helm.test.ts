import { describe, expect, test } from 'vitest'
import { Arrival, see, told } from './tools/arrivals.ts'
import { upgradeShop, withChart } from './tools/helm.ts'
import { installed } from './tools/install.ts'
import { type Shop, withShop } from './tools/orders.ts'
import { kubectl, mustKubectl, type Result, run, waitFor } from './tools/shell.ts'

installed('helm')

type Helm = 'helm' | 'helm4'
type Act = (helm: Helm, shop: Shop) => Promise<Result>
/** Releases that are there before, what is done then, what became of the Deployment, and the exit code. */
type Row = [does: string, before: readonly number[], act: Act, told: string, code?: number]

/** The flags that the fourth version renamed; there only the client replaces. */
const flag = {
  helm: { force: ['--force'], atomic: '--atomic' },
  helm4: { force: ['--force-replace', '--server-side=false'], atomic: '--rollback-on-failure' },
} as const
const still = ['--set', 'replicas=0']
const upgrade =
  (version: number, more: (helm: Helm) => readonly string[] = () => []): Act =>
  (helm, shop) =>
    upgradeShop(helm, shop, version, undefined, [...still, ...more(helm)])
const refusedThree: Act = (helm, shop) =>
  withChart({ '3_rename_note.down.sql': '' }, (folder) =>
    upgradeShop(helm, shop, 3, folder, [...still, flag[helm].atomic, '--timeout=60s']),
  )
const rollback: Act = (helm, shop) => run(helm, ['rollback', 'orders', '1', '-n', shop.namespace])

const rows: Row[] = [
  ['install', [], upgrade(1), 'built for 1 with a new token'],
  ['upgrade', [1], upgrade(2), 'built for 2 with a new token'],
  ['upgrade without a change', [2], upgrade(2), 'nothing changed'],
  ['upgrade by force', [1], upgrade(2, (helm) => flag[helm].force), 'built for 2 with a new token'],
  [
    // Kubernetes itself counts it: the annotations of its controller are gone for a moment.
    'upgrade by force, without a change',
    [2],
    upgrade(2, (helm) => flag[helm].force),
    'a new generation, the same pods',
  ],
  [
    'upgrade that goes back when it fails',
    [1],
    upgrade(2, (helm) => [flag[helm].atomic]),
    'built for 2 with a new token',
  ],
  ['upgrade that goes back when it fails, refused', [2], refusedThree, 'nothing changed', 1],
  ['upgrade --dry-run=server', [1], upgrade(2, () => ['--dry-run=server']), 'nothing changed'],
  ['rollback', [1, 2, 3], rollback, 'built for 1 with a new token'],
]

describe.concurrent.each(['helm', 'helm4'] as const)('with %s', (helm) => {
  test.each(rows)('%s', (_, before, act, line, code = 0) =>
    withShop({}, async (shop) => {
      for (const version of before) {
        const { code, output } = await upgrade(version)(helm, shop)
        expect(code, output).toBe(0)
        await shop.rolledOut()
      }
      const stored = await see(shop, 'orders')
      const { output, code: ended } = await act(helm, shop)
      expect(told(stored, await see(shop, 'orders')), output).toBe(line)
      expect(ended, output).toBe(code)
      if (code === 1) expect(output).toContain('rollback-empty')
      await new Arrival(shop, 'orders').atRest()
    }),
  )
})

test('helm 4 takes over what helm 3 installed', () =>
  withShop({}, async (shop) => {
    expect((await upgrade(1)('helm', shop)).code).toBe(0)
    const before = await see(shop, 'orders')
    const next = await upgrade(2)('helm4', shop)
    expect(next.code, next.output).toBe(0)
    expect(told(before, await see(shop, 'orders'))).toBe('built for 2 with a new token')
  }))

/** Its application never starts, and its migrations do run. */
const broken = ['--set', 'image=nobody/pulls:this', '--set', 'replicas=1', '--timeout=25s']

describe.concurrent.each(['helm', 'helm4'] as const)(
  'when the application fails after its migration, and %s goes back by itself',
  (helm) => {
    const failed = async (shop: Shop, from: number) => {
      const first = await upgradeShop(helm, shop, from, undefined, ['--set', 'replicas=1'])
      expect(first.code, first.output).toBe(0)
      await shop.rolledOut()
      const result = await upgradeShop(helm, shop, from + 1, undefined, [...broken, flag[helm].atomic])
      expect(result.code, result.output).toBe(1)
      expect((await see(shop, 'orders'))?.status?.target).toBe(String(from))
      return result
    }

    test('a schema on which the release before works stays, and that release starts', () =>
      withShop({}, async (shop) => {
        await failed(shop, 1)
        await shop.rolledOut()
        expect(await shop.versions()).toEqual(['1', '2'])
      }))

    test('under on-rollback: always the down script has run', () =>
      withShop({ 'lockkeeper.dev/on-rollback': 'always' }, async (shop) => {
        await failed(shop, 1)
        await shop.rolledOut()
        expect(await shop.versions()).toEqual(['1'])
      }))

    test('otherwise the rollback fails too, and its pods say why, until the namespace says that down scripts may run', () =>
      withShop({ 'config.lockkeeper.dev/deadline': '3s' }, async (shop) => {
        const { output } = await failed(shop, 2)
        expect(output).toMatch(/rollback/)
        await waitFor('the reason in kubectl describe pod', async () =>
          (await mustKubectl('-n', shop.namespace, 'describe', 'pods', '-l', 'app=orders')).includes(
            'schema-ahead-incompatible',
          ),
        )
        expect(await shop.versions()).toEqual(['1', '2', '3'])
        await mustKubectl('annotate', 'namespace', shop.namespace, 'lockkeeper.dev/on-rollback=always')
        await kubectl('-n', shop.namespace, 'rollout', 'restart', 'deployment/orders')
        await shop.rolledOut()
        expect(await shop.versions()).toEqual(['1', '2'])
      }))
  },
)
