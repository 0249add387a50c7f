import { describe, expect, test } from 'vitest'
import { type Bundle, issueBundle } from '../../certs/issue.ts'
import { Serving } from '../../certs/serving.ts'
import { keyPool } from './keys.ts'

const names = ['lockkeeper.lockkeeper.svc']
const now = new Date('2026-01-01T00:00:00Z')
const later = (days: number) => new Date(now.getTime() + days * 86_400_000)
const newKey = keyPool()
const issue = () => issueBundle({ names, now, newKey })
const [one, two] = [await issue(), await issue()]

const trusts = (...caBundles: string[]) =>
  caBundles.map((each, i) => ({ configuration: `configuration ${i}`, caBundles: [each] }))
const bothOne = trusts(one.ca, one.ca)

function serving(at = () => now) {
  const served: Bundle[] = []
  return { served, of: new Serving({ names, now: at, serve: (bundle) => served.push(bundle) }) }
}

describe('a replica', () => {
  /** The table in certs/serving.ts: served first, then offered while this is trusted, served then. */
  const rows: [string, Bundle | undefined, Bundle | undefined, ReturnType<typeof trusts>, Bundle | undefined][] = [
    ['keeps what it has when the Secret is gone', one, undefined, bothOne, one],
    ['keeps what it has when the Secret is broken', one, { ...two, key: one.key }, trusts(two.ca, two.ca), one],
    ['serves nothing rather than half a pair', undefined, { ...two, key: one.key }, bothOne, undefined],
    ['begins with whatever is sound, trusted or not', undefined, two, bothOne, two],
    ['swaps to what both configurations trust', one, two, trusts(two.ca, one.ca + two.ca), two],
    ['waits while one of them does not trust it', one, two, trusts(one.ca + two.ca, one.ca), one],
    ['swaps all the same when nothing is lost by it', one, two, trusts('', one.ca), two],
    [
      'asks only configurations that are there',
      one,
      two,
      [...trusts(two.ca), { configuration: 'x', caBundles: [] }],
      two,
    ],
  ]
  test.each(rows)('%s', (_, first, offered, found, then) => {
    const { served, of } = serving()
    of.offer(first, bothOne)
    of.offer(offered, found)
    expect(of.bundle).toBe(then)
    expect(served.at(-1)).toBe(then)
  })

  test('swaps an expired pair for whatever is sound', async () => {
    let at = now
    const { of } = serving(() => at)
    of.offer(one, bothOne)
    at = later(31)
    const fresh = await issueBundle({ names, now: at, newKey })
    of.offer(fresh, bothOne)
    expect(of.bundle).toBe(fresh)
  })

  test('serves a pair once, however often it is offered', () => {
    const { served, of } = serving()
    for (let i = 0; i < 3; i++) of.offer(one, bothOne)
    expect(served).toEqual([one])
  })

  test('keeps the old pair when the server cannot take the new one', () => {
    const of = new Serving({
      names,
      now: () => now,
      serve: (bundle) => {
        if (bundle === two) throw new Error('the server cannot take it')
      },
    })
    of.offer(one, bothOne)
    expect(() => of.offer(two, trusts(two.ca, two.ca))).toThrow('cannot take it')
    expect(of.bundle).toBe(one)
  })
})

describe('it is not ready', () => {
  const problem = (bundle: Bundle | undefined, found: ReturnType<typeof trusts>, at = now) => {
    let clock = now
    const { of } = serving(() => clock)
    of.offer(bundle, found)
    clock = at
    return of.problem()
  }

  test('unless both configurations verify what it serves', () => {
    expect(problem(one, bothOne)).toBeUndefined()
    expect(problem(one, trusts(two.ca + one.ca, one.ca))).toBeUndefined()
    expect(problem(one, trusts(one.ca, two.ca))).toBe('configuration 1 does not trust the certificate yet')
    expect(problem(one, trusts('', one.ca))).toBe('configuration 0 does not trust the certificate yet')
    expect(problem(undefined, bothOne)).toBe('there is no certificate yet')
  })

  test('while a configuration is missing', () => {
    const missing = { configuration: 'ValidatingWebhookConfiguration lockkeeper', caBundles: [] }
    expect(problem(one, [...trusts(one.ca), missing])).toBe(
      'ValidatingWebhookConfiguration lockkeeper is not there, or has no webhook of Lockkeeper',
    )
  })

  test('with a certificate that ran out', () => {
    expect(problem(one, bothOne, later(29))).toBeUndefined()
    expect(problem(one, bothOne, later(30))).toBe('what is served has a certificate that has expired')
  })
})
