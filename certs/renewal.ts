import type { Anchored, Authority, Life } from './chain.ts'
import { type BundleFacts, type Fault, faultOf } from './inspect.ts'
import type { Bundle, Pair } from './issue.ts'
import type { Terms } from './terms.ts'

/** All that the next step depends on. */
export interface Seen {
  /** What is in the Secret; undefined when it is not there. */
  readonly secret: BundleFacts | undefined
  /** The last whole bundle that this replica served. */
  readonly memory: BundleFacts | undefined
  /** What each webhook of both configurations trusts. */
  readonly trusted: readonly (readonly Authority[])[]
  /** For how long all of these have been seen to hold the CA that signs now, in milliseconds. */
  readonly heldFor: number
  /** Milliseconds since 1970. */
  readonly now: number
  readonly terms: Terms
}

/** One write, or none. `why` ends a sentence that begins with the Secret. */
export type Step =
  /** Write into the Secret what it held before. */
  | { readonly kind: 'restore'; readonly bundle: Bundle; readonly why: string }
  /** Write a new CA with its key beside those that are kept; the leaf stays, or is new too. */
  | {
      readonly kind: 'new-authority'
      readonly keep: readonly Authority[]
      readonly leaf: Pair | undefined
      readonly why: string
    }
  /** Write a new leaf of the CA whose key the bundle holds. */
  | { readonly kind: 'new-leaf'; readonly bundle: Bundle; readonly signer: Authority; readonly why: string }
  /** Write these CAs into every webhook that trusts others. */
  | { readonly kind: 'trust'; readonly authorities: readonly Authority[] }
  /** Write the bundle without CAs of which no leaf is valid any more. */
  | { readonly kind: 'drop'; readonly bundle: Bundle; readonly keep: readonly Authority[]; readonly why: string }
  | { readonly kind: 'none' }

/**
 * What the replica that writes does next. The first row that fits; afterwards it looks again. "Usable" is readable,
 * fitting and valid now; "due" is past two thirds of a life.
 *
 * | the Secret's CA and key | its leaf       | the webhooks                           | step                             |
 * |-------------------------|----------------|----------------------------------------|----------------------------------|
 * | unusable                | unusable       | trust just the CAs in memory           | restore                          |
 * | unusable                | unusable       | otherwise                              | new CA; what they trust is kept  |
 * |                         | somebody's     | trust the leaf in memory, and not this | new CA; both are kept            |
 * | unusable                | usable         |                                        | new CA: phase 1                  |
 * | usable                  | unusable       |                                        | new leaf                         |
 * | usable                  | due, by it     |                                        | new leaf: the CA is the same     |
 * | usable                  |                | one lacks a CA of the Secret           | trust: phase 1 ends, or healing  |
 * | usable                  | by an older CA | all hold the new one, not long yet     | none                             |
 * | usable                  | by an older CA | all hold the new one, long enough      | new leaf: phase 2                |
 * | due                     |                |                                        | new CA: phase 1                  |
 * | usable, others outlived |                |                                        | drop: phase 3                    |
 * | usable                  |                | one holds more than the Secret         | trust: phase 3 ends, or healing  |
 * | usable                  |                | otherwise                              | none                             |
 *
 * No row but the first three looks at anything that the Secret and the configurations do not hold, so whoever takes over goes on.
 */
export function nextStep({ secret, memory, trusted, heldFor, now, terms }: Seen): Step {
  const signer = usable(secret?.signer, now)
  const leaf = usable(secret?.leaf, now)
  const remembered = memory && usable(memory.signer, now) && usable(memory.leaf, now)
  const isTrusted = ({ authority }: Anchored) => trusted.every((held) => holds(held, authority))

  if (secret === undefined || (signer === undefined && leaf === undefined)) {
    const why = secret === undefined ? 'is not there' : whyNot(secret.signer, now)
    if (memory === undefined || remembered === undefined)
      return { kind: 'new-authority', keep: valid(trustedByAll(trusted), now), leaf: undefined, why }
    if (trusted.every((held) => same(held, memory.authorities))) return { kind: 'restore', bundle: memory.bundle, why }
    const keep = valid([...memory.authorities, ...trustedByAll(trusted)], now)
    return { kind: 'new-authority', keep, leaf: memory.bundle, why }
  }
  const { bundle, authorities } = secret
  if (memory && remembered && isTrusted(remembered) && leaf !== undefined && !isTrusted(leaf)) {
    const keep = valid([...memory.authorities, ...authorities], now)
    return { kind: 'new-authority', keep, leaf: memory.bundle, why: 'has a certificate that the webhooks do not trust' }
  }
  const beside = (why: string): Step => ({ kind: 'new-authority', keep: valid(authorities, now), leaf: bundle, why })
  if (signer === undefined) return beside(whyNot(secret.signer, now))
  const newLeaf = (why: string): Step => ({ kind: 'new-leaf', bundle, signer, why })
  if (leaf === undefined) return newLeaf(whyNot(secret.leaf, now))
  if (leaf.authority === signer.id && due(leaf, now)) return newLeaf('has a certificate that is due for renewal')
  if (trusted.some((held) => authorities.some(({ id }) => !holds(held, id)))) return { kind: 'trust', authorities }
  if (leaf.authority !== signer.id)
    return heldFor < terms.settle ? { kind: 'none' } : newLeaf('has a new CA, which is trusted everywhere by now')
  if (due(signer, now)) return beside('has a CA that is due for renewal')
  const keep = authorities.filter((each) => each.id === signer.id || !outlived(each, signer, now, terms))
  if (keep.length < authorities.length)
    return { kind: 'drop', bundle, keep, why: 'has a CA of which no certificate is valid' }
  return trusted.every((held) => same(held, authorities)) ? { kind: 'none' } : { kind: 'trust', authorities }
}

/** Two thirds of a life are over. */
const due = ({ from, to }: Life, now: number) => now >= from + ((to - from) * 2) / 3

/**
 * Whether no leaf of an older CA is valid any more, for anybody: none was issued after the CA that signs now, and when that
 * was stands in its own certificate. Three clocks may differ: of who issued the leaf, who issued the CA, who verifies; a
 * CA is backdated by as much once more.
 */
const outlived = (old: Authority, signer: Authority, now: number, { leaf, clocks }: Terms) =>
  old.to <= now || now >= signer.from + leaf + 4 * clocks

const usable = <T extends Authority | Anchored>(part: T | Fault | undefined, now: number): T | undefined =>
  part === undefined || 'fault' in part || faultOf(part, now) !== undefined ? undefined : part

const whyNot = (part: Authority | Anchored | Fault, now: number) => faultOf(part, now) ?? ''

const holds = (held: readonly Authority[], wanted: string) => held.some(({ id }) => id === wanted)
const same = (a: readonly Authority[], b: readonly Authority[]) =>
  a.every(({ id }) => holds(b, id)) && b.every(({ id }) => holds(a, id))

const trustedByAll = ([first = [], ...others]: readonly (readonly Authority[])[]) =>
  first.filter(({ id }) => others.every((held) => holds(held, id)))

const valid = (authorities: readonly Authority[], now: number) =>
  authorities.filter((each, i) => each.to > now && authorities.findIndex(({ id }) => id === each.id) === i)
