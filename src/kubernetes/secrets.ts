import type { V1Secret } from '@kubernetes/client-node'
import type { SecretKeys } from '../admission/facts.ts'
import { type Clients, statusOf } from './clients.ts'
import { quickHttp } from './quick-http.ts'

type SecretReader = (name: string, namespace: string) => Promise<V1Secret>

/** A namespace that forbids is not asked again for so long: most never bind the role. */
const FORBIDDEN_FOR = 60_000

/**
 * Looks which keys a Secret has; `unknown` where its namespace does not bind our optional role, or the API server fails.
 * Values are dropped at once.
 */
export class Secrets {
  readonly #read: SecretReader
  readonly #now: () => number
  readonly #forbidden = new Map<string, number>()

  constructor(read: SecretReader, now: () => number) {
    this.#read = read
    this.#now = now
  }

  static of({ core }: Clients, now: () => number): Secrets {
    const options = { httpApi: quickHttp }
    return new Secrets((name, namespace) => core.readNamespacedSecret({ name, namespace }, options), now)
  }

  async keys(namespace: string, name: string): Promise<SecretKeys> {
    if ((this.#forbidden.get(namespace) ?? 0) > this.#now()) return 'unknown'
    try {
      return Object.keys((await this.#read(name, namespace)).data ?? {})
    } catch (error) {
      // Whatever keeps us from looking: the finding is a courtesy, and no reason to fail a review.
      if (statusOf(error) === 404) return 'missing'
      if (statusOf(error) === 403) this.#forbidden.set(namespace, this.#now() + FORBIDDEN_FOR)
      return 'unknown'
    }
  }
}
