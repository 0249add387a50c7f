import { install, uninstall } from '../cluster/tools/install.ts'
import { release, type Shop, startDatabase, stopDatabase, withShop } from '../cluster/tools/orders.ts'
import { must } from '../cluster/tools/shell.ts'
import { percentile, spread } from './figures.ts'

const ROUNDS = 25
/** The bound: what a person may wait longer for an apply, ms. */
const BOUND = 50

/** As a person sees it: `kubectl apply` of a Deployment with a new image, in a namespace with our label and in one without. */
export async function benchApply(): Promise<string[]> {
  if ((process.env.LOCKKEEPER_TEST_KUBECONFIG ?? '') === '')
    return ['kubectl apply: not measured, since LOCKKEEPER_TEST_KUBECONFIG names no cluster']
  await startDatabase()
  await install('helm')
  try {
    let lines: string[] = []
    await withShop({}, (labelled) =>
      withShop(
        {},
        async (plain) => {
          lines = await measured([labelled, plain])
        },
        '',
      ),
    )
    return lines
  } finally {
    await uninstall('helm')
    await stopDatabase()
  }
}

/** Round by round, each of the two goes first in turn. */
async function measured(shops: readonly [labelled: Shop, plain: Shop]): Promise<string[]> {
  for (const shop of shops) {
    await shop.files(release(2))
    await applyOf(shop, 'first')
  }
  const times = new Map(shops.map((shop) => [shop, [] as number[]]))
  for (let round = 0; round < ROUNDS; round++)
    for (const shop of round % 2 === 0 ? shops : shops.toReversed())
      times.get(shop)?.push(await applyOf(shop, `round-${round}`))
  const [ours = [], without = []] = shops.map((shop) => times.get(shop) ?? [])
  const more = percentile(ours, 50) - percentile(without, 50)
  return [
    `kubectl apply of an annotated Deployment: ${spread(ours, 'ms')}`,
    `kubectl apply of the same without us: ${spread(without, 'ms')}`,
    `  ours beside it: ${more.toFixed(0)} ms more, wanted at most ${BOUND} ms`,
  ]
}

/** Milliseconds of one apply as a whole process; no pod is made. */
async function applyOf(shop: Shop, tag: string): Promise<number> {
  const object = structuredClone(shop.object(2, { replicas: 0 })) as unknown as Applied
  for (const container of object.spec.template.spec.containers) container.image = `orders:${tag}`
  const input = JSON.stringify(object)
  const began = performance.now()
  await must('kubectl', ['apply', '-f', '-'], { input })
  return performance.now() - began
}

interface Applied {
  readonly spec: { readonly template: { readonly spec: { readonly containers: { image: string }[] } } }
}
