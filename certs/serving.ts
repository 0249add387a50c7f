import { trusts } from './chain.ts'
import { factsOf, faultOf } from './inspect.ts'
import type { Bundle } from './issue.ts'

/** What one webhook configuration trusts, at the moment it was read. */
export interface Trust {
  /** Like `MutatingWebhookConfiguration lockkeeper`. */
  readonly configuration: string
  /** PEM text of each webhook of ours; none when the configuration or the webhooks are not there. */
  readonly caBundles: readonly string[]
}

export interface ServingOptions {
  readonly names: readonly string[]
  readonly now: () => Date
  /** Takes a pair into the server; throws when it cannot. */
  readonly serve: (bundle: Bundle) => void
}

/** What this replica serves, and whether it is fit to be called. */
export class Serving {
  readonly #options: ServingOptions
  #bundle: Bundle | undefined
  #trusts: readonly Trust[] = []
  #rejected: string | undefined

  constructor(options: ServingOptions) {
    this.#options = options
  }

  /** Why what was offered last is not served, or undefined when it is. */
  get rejected(): string | undefined {
    return this.#rejected
  }

  /** What is served, with what it was offered with. */
  get bundle(): Bundle | undefined {
    return this.#bundle
  }

  /**
   * Serves another pair when that loses nobody's trust; whatever is wrong with what is offered, the old pair stays.
   *
   * | offered  | trusted by both | served now        | then serves |
   * |----------|-----------------|-------------------|-------------|
   * | unusable |                 |                   | the same    |
   * | usable   |                 | nothing           | the offered |
   * | usable   | yes             |                   | the offered |
   * | usable   | no              | valid and trusted | the same    |
   * | usable   | no              | otherwise         | the offered |
   */
  offer(offered: Bundle | undefined, found: readonly Trust[]): void {
    this.#trusts = found
    this.#rejected = offered === undefined ? 'there is none' : this.#fault(offered)
    if (offered === undefined || this.#rejected !== undefined) return
    const current = this.#bundle
    const good = current !== undefined && this.#fault(current) === undefined && this.#trusted(current)
    if (good && !this.#trusted(offered)) {
      this.#rejected = 'has a certificate that the webhooks do not trust yet'
      return
    }
    if (current?.cert !== offered.cert || current.key !== offered.key) this.#options.serve(offered)
    this.#bundle = offered
  }

  /** Why a review that the API server sends here would fail, or undefined when it would not. */
  problem(): string | undefined {
    const bundle = this.#bundle
    if (bundle === undefined) return 'there is no certificate yet'
    if (this.#fault(bundle) !== undefined) return `what is served ${this.#fault(bundle)}`
    const missing = this.#trusts.find(({ caBundles }) => caBundles.length === 0)
    if (missing !== undefined) return `${missing.configuration} is not there, or has no webhook of Lockkeeper`
    const wrong = this.#trusts.find((trust) => !this.#trusted(bundle, [trust]))
    return wrong && `${wrong.configuration} does not trust the certificate yet`
  }

  #fault(bundle: Bundle): string | undefined {
    const { leaf } = factsOf(bundle, this.#options.names)
    return faultOf(leaf, this.#options.now().getTime())
  }

  /** By every webhook that is there: one that is not calls nobody. */
  #trusted(bundle: Bundle, by = this.#trusts): boolean {
    return by.every(({ caBundles }) => caBundles.every((each) => trusts(each, bundle, this.#options.now())))
  }
}
