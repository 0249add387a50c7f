import { expect } from 'vitest'
import { images } from './install.ts'
import type { Shop } from './orders.ts'
import { get, mustKubectl, type Result, run, waitFor } from './shell.ts'

/** A workload as it is stored, as far as admission has a say in it. */
export interface Seen {
  readonly generation: number
  /** JSON of the pod template. */
  readonly template: string
  /** Absent where our parts are absent. */
  readonly status?: { readonly target: string; readonly token: number }
}

/** What is stored of a workload, whose parts must all be there and agree, or all be gone; nothing while there is none. */
export async function see(shop: Shop, name: string, kind = 'deployment'): Promise<Seen | undefined> {
  const text = await mustKubectl('-n', shop.namespace, 'get', kind, name, '--ignore-not-found', '-o', 'json')
  if (text === '') return undefined
  const { metadata, spec } = JSON.parse(text)
  const template = (spec.jobTemplate?.spec ?? spec).template
  const written = template.metadata.annotations?.['lockkeeper.dev/status']
  const [first] = template.spec.initContainers ?? []
  const volume = (template.spec.volumes ?? []).some((each: { name: string }) => each.name === 'lockkeeper')
  const seen = { generation: metadata.generation, template: JSON.stringify(template) }
  if (written === undefined) {
    expect([first?.name, volume]).toEqual([undefined, false])
    return seen
  }
  const status = JSON.parse(written)
  const value = (wanted: string) => first.env.find((each: { name: string }) => each.name === wanted)?.value
  expect([first.name, first.image, volume]).toEqual(['lockkeeper-migrate', images().runner, true])
  // What somebody wrote into every container is not in ours.
  expect(
    first.env.map((each: { name: string }) => each.name).filter((name: string) => !name.startsWith('LOCKKEEPER_')),
  ).toEqual([])
  expect([value('LOCKKEEPER_TARGET'), value('LOCKKEEPER_TOKEN')]).toEqual([status.target, String(status.token)])
  return { ...seen, status }
}

/** What became of a workload, in one line. */
export function told(before: Seen | undefined, after: Seen | undefined): string {
  if (after === undefined) return 'nothing stored'
  if (before?.template === after.template)
    return before.generation === after.generation ? 'nothing changed' : 'a new generation, the same pods'
  if (after.status === undefined) return 'without our parts'
  const token = before?.status?.token ?? 0
  if (after.status.token < token) return 'an older token'
  return `built for ${after.status.target} with ${after.status.token === token ? 'its' : 'a new'} token`
}

/** One Deployment of a shop in which others are too: every row of a table has its own. */
export class Arrival {
  readonly shop: Shop
  readonly name: string
  constructor(shop: Shop, name: string) {
    this.shop = shop
    this.name = name
  }

  /** Its manifest for a release; no pod of it runs unless somebody scales it. */
  object(version: number, annotations: Readonly<Record<string, string>> = {}, replicas = 0): Record<string, unknown> {
    return this.shop.object(version, { name: this.name, replicas, annotations })
  }

  /** Hands a manifest to kubectl: `['apply', '--server-side']`. */
  send(verb: readonly string[], object: object): Promise<Result> {
    return run('kubectl', [...verb, '-f', '-'], { input: JSON.stringify(object) })
  }

  /** A command about it: `['scale']`, `['--replicas=3']`. */
  command(verb: readonly string[], args: readonly string[] = [], env: Readonly<Record<string, string>> = {}) {
    const about = ['-n', this.shop.namespace, ...verb, `deployment/${this.name}`, ...args]
    return run('kubectl', about, { env })
  }

  see(): Promise<Seen | undefined> {
    return see(this.shop, this.name)
  }

  /** Its releases one after the other, each with a revision of its own. */
  async releases(...versions: number[]): Promise<void> {
    for (const version of versions) {
      const { code, output } = await this.send(['apply'], this.object(version))
      expect(code, output).toBe(0)
      await this.observed()
    }
  }

  /** Waits until the controller has looked at it: each template is then a revision. */
  async observed(): Promise<void> {
    await waitFor(`${this.name} to be observed`, async () => {
      const { metadata, status } = await get('-n', this.shop.namespace, 'deployment', this.name)
      return status.observedGeneration === metadata.generation
    })
  }

  /** Another update that has nothing to do with us finds nothing to change in the template: it has come to rest. */
  async atRest(): Promise<void> {
    const other = ['-p', '{"spec":{"minReadySeconds":7}}', '--dry-run=server', '-o', 'json']
    const text = await mustKubectl('-n', this.shop.namespace, 'patch', `deployment/${this.name}`, ...other)
    expect(JSON.parse(text).spec.minReadySeconds).toBe(7)
    expect(JSON.stringify(JSON.parse(text).spec.template)).toBe((await this.see())?.template)
  }
}

/** The warnings that a client printed, a line each. */
export const warnings = ({ stderr }: Result): string =>
  stderr
    .split('\n')
    .filter((line) => line.startsWith('Warning: '))
    .join('\n')
