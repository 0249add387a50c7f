import { describe, expect, test } from 'vitest'
import { Arrival, see, told, warnings } from './tools/arrivals.ts'
import { shapes } from './tools/every-kind.ts'
import { installed } from './tools/install.ts'
import { release, type Shop, withShop } from './tools/orders.ts'
import { get, kubectl, mustKubectl, run, waitFor } from './tools/shell.ts'

installed('kubectl')

const withOrders = (use: (at: Arrival, shop: Shop) => Promise<void>) =>
  withShop({}, async (shop) => {
    await shop.files(release(3))
    await use(new Arrival(shop, 'orders'), shop)
  })

describe.concurrent('other clients', () => {
  test('an autoscaler changes the number of pods and nothing else', () =>
    withOrders(async (at, shop) => {
      expect((await at.send(['apply'], at.object(2, {}, 1))).code).toBe(0)
      const before = await at.see()
      const made = await at.command(['autoscale'], ['--min=2', '--max=3', '--cpu=80%'])
      expect(made.code, made.output).toBe(0)
      await waitFor('the autoscaler to ask for two pods', async () => {
        return (await get('-n', shop.namespace, 'deployment', 'orders')).spec.replicas === 2
      })
      expect(told(before, await at.see())).toBe('a new generation, the same pods')
      await shop.rolledOut()
      const { replicas: _, ...spec } = at.object(3).spec as Record<string, unknown>
      const next = await at.send(['apply'], { ...at.object(3), spec })
      expect(warnings(next)).toContain('schema 2 to 3, 1 migration')
      await at.atRest()
    }))

  test('a Job made from a CronJob by hand has its init container, under its name', () =>
    withOrders(async (_, shop) => {
      const cron = cronJob(shop, 'nightly')
      expect((await run('kubectl', ['create', '-f', '-'], { input: JSON.stringify(cron) })).code).toBe(0)
      const seen = await see(shop, 'nightly', 'cronjob')
      expect(told(undefined, seen)).toBe('built for 2 with a new token')
      const byHand = await kubectl('-n', shop.namespace, 'create', 'job', 'by-hand', '--from=cronjob/nightly')
      expect(byHand.code, byHand.output).toBe(0)
      expect(warnings(byHand)).toBe('')
      const { spec } = await get('-n', shop.namespace, 'job', 'by-hand')
      const [{ spec: wanted }] = [JSON.parse(seen?.template ?? '{}')]
      expect(spec.template.spec.initContainers).toEqual(wanted.initContainers)
      expect(workloadOf(spec)).toBe(`${shop.namespace}/CronJob/nightly`)
    }))

  test('a Job without a name of its own is known by the beginning of its name', () =>
    withOrders(async (_, shop) => {
      const { Job } = shapes
      const job = Job.object({ generateName: 'load-', namespace: shop.namespace, annotations: intent }, {})
      for (const round of [1, 2]) {
        const made = await run('kubectl', ['create', '-f', '-'], { input: JSON.stringify(job) })
        expect(made.code, made.output).toBe(0)
        // The API server gives the name between mutation and validation, which says the plan.
        expect(warnings(made)).toMatch(/Job\/load-\w+: schema as it is to 2, 2 migrations/)
        const { items } = await get('-n', shop.namespace, 'jobs')
        expect(items).toHaveLength(round)
        for (const { spec } of items) expect(workloadOf(spec)).toBe(`${shop.namespace}/Job/load-*`)
      }
    }))
})

describe.concurrent('the label of a namespace, taken away and given back', () => {
  test('finds a workload as it was', () =>
    withOrders(async (at, shop) => {
      await at.releases(2)
      const before = await at.see()
      await labelled(shop, false)
      expect((await at.command(['scale'], ['--replicas=1'])).code).toBe(0)
      await labelled(shop, true)
      expect((await at.command(['rollout', 'pause'])).code).toBe(0)
      expect(told(before, await at.see())).toBe('a new generation, the same pods')
    }))

  test('catches up with the release that came meanwhile, at the first update after it', () =>
    withOrders(async (at, shop) => {
      await at.releases(2)
      await labelled(shop, false)
      const meanwhile = await at.send(['apply'], at.object(3))
      expect([meanwhile.code, warnings(meanwhile)]).toEqual([0, ''])
      const before = await at.see()
      expect(before?.status?.target).toBe('2')
      await labelled(shop, true)
      const caught = await at.command(['rollout', 'pause'])
      expect(told(before, await at.see()), caught.output).toBe('built for 3 with a new token')
      expect(warnings(caught)).toContain('schema 2 to 3, 1 migration')
      await at.atRest()
    }))

  test('equips again what lost our parts meanwhile', () =>
    withOrders(async (at, shop) => {
      await at.releases(2)
      const before = await at.see()
      await labelled(shop, false)
      await at.send(['replace'], at.object(2))
      expect(told(before, await at.see())).toBe('without our parts')
      await labelled(shop, true)
      expect((await at.command(['rollout', 'pause'])).code).toBe(0)
      expect(told(before, await at.see())).toBe('built for 2 with a new token')
    }))
})

const intent = {
  'lockkeeper.dev/schema-version': '2',
  'lockkeeper.dev/migrations': 'orders-migrations',
  'lockkeeper.dev/database': 'secret/orders-db#uri',
}
const cronJob = ({ namespace }: Shop, name: string) =>
  shapes.CronJob.object({ name, namespace, annotations: intent }, {})

function workloadOf({ template }: Awaited<ReturnType<typeof get>>): string {
  const [{ name, env }] = template.spec.initContainers
  expect(name).toBe('lockkeeper-migrate')
  return env.find((each: { name: string }) => each.name === 'LOCKKEEPER_WORKLOAD').value
}

/** Waits until the API server goes by the label: it hears of namespaces as any client does. */
async function labelled(shop: Shop, on: boolean): Promise<void> {
  const label = on ? 'lockkeeper.dev/admission=enabled' : 'lockkeeper.dev/admission-'
  await mustKubectl('label', 'namespace', shop.namespace, label)
  const probe = new Arrival(shop, 'probe')
  await waitFor('the label to count', async () => {
    const { output } = await probe.send(['create', '--dry-run=server', '-o', 'json'], probe.object(2))
    return output.includes('lockkeeper-migrate') === on
  })
}
