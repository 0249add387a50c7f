import { type Authority, authoritiesOf } from './chain.ts'
import { type BundleFacts, factsOf } from './inspect.ts'
import { type Bundle, type IssueOptions, issueAuthority, issueLeaf, type KeySource } from './issue.ts'
import { nextStep, type Step } from './renewal.ts'
import type { Serving, Trust } from './serving.ts'
import { TERMS, type Terms } from './terms.ts'

/** Where the certificates live: one Secret, and the configurations of both webhooks. */
export interface World {
  trusts(): Promise<readonly WritableTrust[]>
  secret(): Promise<Stored>
}

export interface WritableTrust extends Trust {
  /** Writes into every webhook of ours in this configuration. False when the configuration changed since it was read. */
  set(caBundle: string): Promise<boolean>
}

export interface Stored {
  /** Undefined when the Secret is not there. Parts that it lacks are empty texts. */
  readonly bundle: Bundle | undefined
  /** Replaces or creates the Secret. False when it changed since it was read. */
  write(bundle: Bundle): Promise<boolean>
}

export interface KeeperOptions {
  readonly world: World
  readonly serving: Serving
  readonly names: readonly string[]
  readonly now: () => Date
  /** Says what was written, and why. */
  readonly say: (message: string) => void
  readonly newKey?: KeySource
  readonly terms?: Terms
}

/** Serves what is in the Secret, and, where it is this replica's turn to write, renews and heals. */
export class Keeper {
  readonly #options: KeeperOptions
  readonly #terms: Terms
  /** The last whole bundle of which the leaf was served: what a lost Secret is made from. */
  #memory: BundleFacts | undefined
  /** Since when all webhooks have been seen to hold the CA that signs. */
  #held: { readonly signer: string; readonly since: number } | undefined

  constructor(options: KeeperOptions) {
    this.#options = options
    this.#terms = options.terms ?? TERMS
  }

  /**
   * One look and at most one write; true when there may be more to write at once.
   *
   * Two replicas may believe that it is their turn, and one of them may sleep between two lines. Nothing is lost by it
   * because every write names the version that was read, and the configurations are read before the Secret: whoever
   * writes what a Secret says into a configuration would otherwise undo the trust in a newer Secret.
   */
  async round(writes: boolean): Promise<boolean> {
    const { world } = this.#options
    const found = await world.trusts()
    const stored = await world.secret()
    const secret = this.#take(stored.bundle, found)
    const now = this.#options.now().getTime()
    const trusted = found.flatMap(({ caBundles }) => caBundles.map(authoritiesOf))
    const heldFor = this.#heldFor(secret, trusted, now)
    if (!writes) return false
    const memory = this.#memory
    const step = nextStep({ secret, memory, trusted, heldFor, now, terms: this.#terms })
    return this.#write(step, stored, found)
  }

  /** Serves what is in the Secret, and remembers it when it is whole and good enough to be served. */
  #take(bundle: Bundle | undefined, found: readonly Trust[]): BundleFacts | undefined {
    const { serving, names } = this.#options
    serving.offer(bundle, found)
    const secret = bundle && factsOf(bundle, names)
    const whole = secret !== undefined && !('fault' in secret.signer) && !('fault' in secret.leaf)
    if (whole && bundle?.cert === serving.bundle?.cert) this.#memory = secret
    return secret
  }

  #heldFor(secret: BundleFacts | undefined, trusted: readonly (readonly Authority[])[], now: number): number {
    const signer = secret === undefined || 'fault' in secret.signer ? undefined : secret.signer.id
    const held = signer !== undefined && trusted.every((each) => each.some(({ id }) => id === signer))
    if (!held) this.#held = undefined
    else if (this.#held?.signer !== signer) this.#held = { signer, since: now }
    return this.#held === undefined ? 0 : now - this.#held.since
  }

  async #write(step: Step, stored: Stored, found: readonly WritableTrust[]): Promise<boolean> {
    if (step.kind === 'none') return false
    if (step.kind === 'trust') {
      const wanted = textOf(step.authorities)
      for (const { configuration, caBundles, set } of found) {
        if (caBundles.every((each) => textOf(authoritiesOf(each)) === wanted)) continue
        if (await set(wanted)) this.#options.say(`${configuration} trusts the CAs of the Secret now`)
      }
      return true
    }
    const { names, now, newKey, world } = this.#options
    // These are judged on what is trusted too, so that must still have been so when the Secret was read.
    const judged = step.kind === 'restore' || step.kind === 'new-authority'
    if (judged && textsOf(await world.trusts()) !== textsOf(found)) return true
    const bundle = await bundleFor(step, { names, now: now(), terms: this.#terms, ...(newKey && { newKey }) })
    if (!(await stored.write(bundle))) return true
    this.#options.say(`${writes[step.kind]}: the Secret ${step.why}`)
    this.#take(bundle, found)
    return true
  }
}

const writes = {
  restore: 'wrote the Secret as it was',
  'new-authority': 'issued a new CA',
  'new-leaf': 'issued a new certificate',
  drop: 'no longer trust an old CA',
} as const

async function bundleFor(step: Exclude<Step, { kind: 'none' | 'trust' }>, issue: IssueOptions): Promise<Bundle> {
  if (step.kind === 'restore') return step.bundle
  if (step.kind === 'drop') return { ...step.bundle, ca: textOf(step.keep) }
  if (step.kind === 'new-leaf') {
    const { bundle, signer } = step
    return { ...bundle, ...(await issueLeaf({ ca: signer.pem, caKey: bundle.caKey }, issue)) }
  }
  const authority = await issueAuthority(issue)
  const { cert, key } = step.leaf ?? (await issueLeaf(authority, issue))
  return { ca: authority.ca + textOf(step.keep), caKey: authority.caKey, cert, key }
}

const textsOf = (trusts: readonly Trust[]) => JSON.stringify(trusts.map(({ caBundles }) => caBundles))
const textOf = (authorities: readonly Authority[]) => authorities.map(({ pem }) => pem).join('')
