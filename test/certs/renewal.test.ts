import { describe, expect, test } from 'vitest'
import type { Authority } from '../../certs/chain.ts'
import type { BundleFacts } from '../../certs/inspect.ts'
import { nextStep, type Seen } from '../../certs/renewal.ts'
import { TERMS } from '../../certs/terms.ts'

const DAY = 86_400_000
const now = Date.parse('2026-06-01T00:00:00Z')

/** A CA that was issued so many days ago. */
const ca = (id: string, age: number): Authority => ({
  id,
  pem: id,
  from: now - age * DAY - TERMS.clocks,
  to: now + (365 - age) * DAY,
})
const leaf = (authority: string, age: number) => ({
  authority,
  from: now - age * DAY - TERMS.clocks,
  to: now + (30 - age) * DAY,
})
const fault = { fault: 'is broken' }
const bundle = (name: string) => ({ ca: name, caKey: name, cert: name, key: name })
const facts = (
  name: string,
  authorities: readonly Authority[],
  signer: Authority | typeof fault,
  served: BundleFacts['leaf'],
): BundleFacts => ({ bundle: bundle(name), authorities, signer, leaf: served })

const [a, b] = [ca('a', 10), ca('b', 1)]
const sound = facts('secret', [a], a, leaf('a', 5))
const broken = facts('secret', [], fault, fault)
const remembered = facts('memory', [a], a, leaf('a', 5))
const foreign = facts('secret', [b], b, leaf('b', 1))
const overlapping = facts('secret', [b, a], b, leaf('a', 5))
/** The CAs that the mutating and the validating webhook trust. */
const both = (...held: Authority[]) => [held, held]

const step = (seen: Partial<Seen>) => {
  const { kind, ...rest } = nextStep({
    secret: sound,
    memory: undefined,
    trusted: both(a),
    heldFor: TERMS.settle,
    now,
    terms: TERMS,
    ...seen,
  })
  if ('keep' in rest) return [kind, rest.keep.map(({ id }) => id).join(), 'leaf' in rest ? rest.leaf?.cert : undefined]
  if ('authorities' in rest) return [kind, rest.authorities.map(({ id }) => id).join()]
  return 'bundle' in rest ? [kind, rest.bundle.cert] : [kind]
}

const old = { ca: ca('a', 244), young: ca('a', 242) }
const aged = (authority: Authority) => facts('secret', [authority], authority, leaf('a', 5))
const swapped = (signer: Authority) => facts('secret', [signer, a], signer, leaf(signer.id, 5))
const ended: Authority = { ...ca('ended', 365), to: now }

/** The rows of the table in certs/renewal.ts, in its order, and what lies just beside them. */
const rows: [string, Partial<Seen>, (string | undefined)[]][] = [
  ['a lost Secret comes back from memory', { secret: undefined, memory: remembered }, ['restore', 'memory']],
  ['so does a broken one', { secret: broken, memory: remembered }, ['restore', 'memory']],
  ['and where nobody calls us yet', { secret: undefined, memory: remembered, trusted: [] }, ['restore', 'memory']],
  [
    'but a memory that is not what is trusted only keeps its leaf and its CAs',
    { secret: undefined, memory: remembered, trusted: both(b) },
    ['new-authority', 'a,b', 'memory'],
  ],
  [
    'a memory that has expired is none',
    { secret: undefined, memory: facts('memory', [a], a, leaf('a', 30)) },
    ['new-authority', 'a', undefined],
  ],
  ['an empty Secret is filled', { secret: broken, trusted: both() }, ['new-authority', '', undefined]],
  [
    'a lost one without memory too, and what both trust stays',
    { secret: undefined },
    ['new-authority', 'a', undefined],
  ],
  [
    'what only one of them trusts, or has expired, does not stay',
    {
      secret: undefined,
      trusted: [
        [a, b, ended],
        [b, ended],
      ],
    },
    ['new-authority', 'b', undefined],
  ],
  [
    'a Secret that somebody put there gives way, and is trusted for a while, since another replica may serve it',
    { secret: foreign, memory: remembered },
    ['new-authority', 'a,b', 'memory'],
  ],
  [
    'also when its CA is lost',
    { secret: facts('secret', [b], fault, leaf('b', 1)), memory: remembered },
    ['new-authority', 'a,b', 'memory'],
  ],
  ['unless nobody remembers another', { secret: foreign }, ['trust', 'b']],
  ['or the webhooks trust it', { secret: foreign, memory: remembered, trusted: both(a, b) }, ['trust', 'b']],
  [
    'a lost CA key is a new CA',
    { secret: facts('secret', [a], fault, leaf('a', 5)) },
    ['new-authority', 'a', 'secret'],
  ],
  ['an expired CA too', { secret: facts('secret', [ended, a], ended, leaf('a', 5)) }, ['new-authority', 'a', 'secret']],
  ['a broken leaf is a new leaf', { secret: facts('secret', [a], a, fault) }, ['new-leaf', 'secret']],
  ['an expired one too', { secret: facts('secret', [a], a, leaf('a', 30)) }, ['new-leaf', 'secret']],
  ['one from the future too', { secret: facts('secret', [a], a, leaf('a', -1)) }, ['new-leaf', 'secret']],
  ['even when nothing is trusted', { secret: facts('secret', [a], a, fault), trusted: both() }, ['new-leaf', 'secret']],
  ['a leaf stays for two thirds of its life', { secret: facts('secret', [a], a, leaf('a', 19)) }, ['none']],
  ['and is renewed after that', { secret: facts('secret', [a], a, leaf('a', 20)) }, ['new-leaf', 'secret']],
  [
    'a renewal by the same CA waits for no webhook',
    { secret: facts('secret', [a], a, leaf('a', 20)), trusted: [[a], []] },
    ['new-leaf', 'secret'],
  ],
  ['an emptied configuration is filled', { trusted: [[a], []] }, ['trust', 'a']],
  ['a replaced one is filled', { trusted: [[b], [a]] }, ['trust', 'a']],
  ['a configuration that is not there keeps nothing back', { trusted: [] }, ['none']],
  ['phase 1: a CA stays for two thirds of its life', { secret: aged(old.young), trusted: both(old.young) }, ['none']],
  [
    'phase 1: and gets another beside it after that, which signs nothing yet',
    { secret: aged(old.ca), trusted: both(old.ca) },
    ['new-authority', 'a', 'secret'],
  ],
  ['phase 1: both CAs are trusted', { secret: overlapping }, ['trust', 'b,a']],
  ['phase 1: by both webhooks', { secret: overlapping, trusted: [[b, a], [a]] }, ['trust', 'b,a']],
  [
    'phase 1: for a while, before the leaf is swapped',
    { secret: overlapping, trusted: both(a, b), heldFor: TERMS.settle - 1 },
    ['none'],
  ],
  ['phase 2: then it is swapped', { secret: overlapping, trusted: both(a, b) }, ['new-leaf', 'secret']],
  ['phase 2: also where nobody calls us', { secret: overlapping, trusted: [] }, ['new-leaf', 'secret']],
  [
    'phase 3: the old CA stays while a leaf of it may live',
    { secret: swapped(ca('b', 30)), trusted: both(a, ca('b', 30)) },
    ['none'],
  ],
  ['phase 3: then it goes', { secret: swapped(ca('b', 31)), trusted: both(a, ca('b', 31)) }, ['drop', 'b', undefined]],
  [
    'phase 3: an expired one goes at once',
    { secret: facts('secret', [b, ended], b, leaf('b', 1)), trusted: both(ended, b) },
    ['drop', 'b', undefined],
  ],
  ['phase 3: and the webhooks forget it', { trusted: both(a, b) }, ['trust', 'a']],
  ['nothing is left to do', {}, ['none']],
  ['and no memory changes that', { memory: remembered }, ['none']],
]

describe('the next step', () => {
  test.each(rows)('%s', (_, seen, wanted) => {
    expect(step(seen)).toEqual(wanted)
  })

  test('says why', () => {
    const why = (seen: Partial<Seen>) => {
      const next = nextStep({
        secret: sound,
        memory: undefined,
        trusted: both(a),
        heldFor: 0,
        now,
        terms: TERMS,
        ...seen,
      })
      return 'why' in next ? next.why : ''
    }
    expect(why({ secret: undefined })).toBe('is not there')
    expect(why({ secret: broken })).toBe('is broken')
    expect(why({ secret: facts('secret', [a], a, leaf('a', 21)) })).toBe('has a certificate that is due for renewal')
    expect(why({ secret: facts('secret', [a], a, leaf('a', 31)) })).toBe('has a certificate that has expired')
    expect(why({ secret: facts('secret', [ended], ended, leaf('a', 1)), memory: remembered })).toBe(
      'has a CA that has expired',
    )
  })

  test('two replicas whose clocks are 90 s apart agree again and again: neither undoes what the other did', () => {
    for (const skew of [-90_000, 90_000]) {
      const renewed = {
        ...sound,
        leaf: { ...leaf('a', 0), from: now + skew - TERMS.clocks, to: now + skew + 30 * DAY },
      }
      expect(step({ secret: renewed, memory: remembered })).toEqual(['none'])
      const dropped = facts('secret', [b], b, leaf('b', 0))
      expect(step({ secret: dropped, memory: overlapping, trusted: both(b), now: now + skew })).toEqual(['none'])
    }
  })
})
