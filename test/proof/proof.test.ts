import { generateKeyPairSync } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { catalogueOf } from '../../src/migration/catalogue.ts'
import { readCatalogue, writeCatalogue } from '../../src/migration/catalogue-file.ts'
import { digestOf } from '../../src/migration/digest.ts'
import type { Catalogue } from '../../src/migration/migration.ts'
import { readMigrations } from '../../src/migration/read.ts'
import { coveringEntry } from '../../src/proof/covers.ts'
import { digestsBefore } from '../../src/proof/predecessors.ts'
import { EDITIONS, type ProofEntry } from '../../src/proof/proof.ts'
import { proofText, readProof } from '../../src/proof/proof-file.ts'
import { publicKeyLine, readPrivateKey, readPublicKey, signed } from '../../src/proof/signature.ts'
import { verifyProof } from '../../src/proof/verify.ts'
import { entriesOf } from '../tools/proof.ts'

const keys = () => generateKeyPairSync('ed25519')
const ours = keys()
const proofKey = publicKeyLine(ours.publicKey)

const set = (texts: Readonly<Record<string, readonly [up: string, down: string]>>): Catalogue =>
  catalogueOf(
    readMigrations(
      Object.entries(texts).flatMap(([version, [up, down]]) => [
        { name: `${version}_x.up.sql`, content: up },
        { name: `${version}_x.down.sql`, content: down },
      ]),
    ),
  )

const three = {
  1: ['CREATE TABLE a ()', 'DROP TABLE a'],
  2: ['CREATE TABLE b ()', 'DROP TABLE b'],
  10: ['CREATE TABLE c ()', 'DROP TABLE c'],
} as const
const catalogue = set(three)

const proof = signed(proofText(entriesOf(catalogue)), ours.privateKey)

describe('a proof', () => {
  test('is the text that docs/proofs.md describes, in version order', () => {
    const lines = proof.split('\n')
    expect(lines[0]).toBe('lockkeeper-proof 1')
    expect(lines.slice(1, 4).map((line) => line.split(' ')[0])).toEqual(['1', '2', '10'])
    expect(lines[1]).toMatch(
      /^1 [0-9a-f]{64} [0-9a-f]{64} v1:[0-9a-f]{64} 18 empty schema\/1=restored 2026-11-25T22:46:49Z$/,
    )
    expect(lines[4]).toMatch(/^signature ed25519 [0-9a-f]{16} [A-Za-z0-9+/]{86}==$/)
    expect(lines[5]).toBe('')
  })

  test('reads as it was written, whatever is in it', () => {
    const hex = fc.stringMatching(/^[0-9a-f]{64}$/)
    const comparison = fc.record({
      what: fc.constantFrom('schema', 'rows'),
      edition: fc.integer({ min: 1, max: 99 }),
      result: fc.constantFrom('restored', 'differs'),
    })
    const entry = fc.record({
      version: fc
        .array(fc.integer({ min: 1, max: 3000 }), { minLength: 1, maxLength: 3 })
        .map((parts) => parts.join('.')),
      up: hex,
      down: hex,
      before: hex.map((each) => `v1:${each}`),
      postgres: fc.integer({ min: 14, max: 18 }),
      start: fc.oneof(
        fc.constant('empty'),
        hex.map((each) => `dump:${each}`),
      ),
      compared: fc.array(comparison, { minLength: 1, maxLength: 2 }),
      at: fc.constant('2026-11-25T22:46:49Z'),
    })
    fc.assert(
      fc.property(fc.array(entry), (entries) => {
        const text = proofText(entries as ProofEntry[])
        const read = readProof(text)
        expect(read).toMatchObject({ text })
        expect('entries' in read && proofText(read.entries)).toBe(text)
        expect(readProof(signed(text, ours.privateKey))).toMatchObject({ text, signature: {} })
      }),
    )
  })

  test.each([
    ['nothing', '', 'it is no proof'],
    ['another file', '{"version":1}', 'it is no proof'],
    ['a later format', proof.replace('lockkeeper-proof 1', 'lockkeeper-proof 2'), 'the format that this release reads'],
    ['a text that ends early', proof.slice(0, -1), 'cut off'],
    ['CRLF', proof.replaceAll('\n', '\r\n'), 'lockkeeper-proof 1'],
    ['an empty line', proof.replace('\n2 ', '\n\n2 '), 'line 3 is neither'],
    ['a line that is none', proof.replace('\n2 ', '\nx '), 'line 3 is neither'],
    ['a version that is not canonical', proof.replace('\n2 ', '\n02 '), 'line 3 is neither'],
    ['an unknown comparison', proof.replace('schema/1', 'colour/1'), 'line 2 is neither'],
    ['an unknown result', proof.replace('=restored', '=fine'), 'line 2 is neither'],
    ['a signature that is not at the end', `${proof}${proof.split('\n')[1]}\n`, 'line 5 is neither'],
    ['another algorithm', proof.replace('ed25519', 'none'), 'line 5 is neither'],
  ])('that is %s has a flaw, and no entry of it counts', (_, text, flaw) => {
    expect(readProof(text)).toEqual({ flaw: expect.stringContaining(flaw) })
    expect(verifyProof(text, catalogue, proofKey)).toMatchObject([
      { code: 'rollback-unproven', severity: 'error', message: expect.stringContaining('cannot be read') },
    ])
  })
})

describe('what was proven', () => {
  test('is accepted: signed by the key, for these scripts behind these predecessors', () => {
    expect(verifyProof(proof, catalogue, proofKey)).toEqual([])
    expect(verifyProof(proof, catalogue, String(ours.publicKey.export({ format: 'pem', type: 'spki' })))).toEqual([])
  })

  test.each([
    [
      'another up script',
      set({ ...three, 2: ['CREATE TABLE b (i int)', 'DROP TABLE b'] }),
      [
        ['2', 'its up script is not the one that was tried'],
        ['10', 'behind other predecessors'],
      ],
    ],
    [
      'another down script',
      set({ ...three, 2: ['CREATE TABLE b ()', 'DROP TABLE b CASCADE'] }),
      [
        ['2', 'its down script is not the one that was tried'],
        ['10', 'behind other predecessors'],
      ],
    ],
    [
      'one more before it',
      set({ ...three, 3: ['CREATE TABLE d ()', 'DROP TABLE d'] }),
      [
        ['3', 'has no entry in the proof'],
        ['10', 'behind other predecessors'],
      ],
    ],
    ['one less before it', set({ 1: three[1], 10: three[10] }), [['10', 'behind other predecessors']]],
    [
      'one more behind it',
      set({ ...three, 11: ['CREATE TABLE d ()', 'DROP TABLE d'] }),
      [['11', 'has no entry in the proof']],
    ],
    [
      'another order',
      set({ 1: three[2], 2: three[1], 10: three[10] }),
      [
        ['1', 'other checksums'],
        ['2', 'other checksums'],
        ['10', 'behind other predecessors'],
      ],
    ],
  ] as const)('does not hold for %s', (_, other, wanted) => {
    const findings = verifyProof(proof, other, proofKey)
    expect(findings.map(({ version }) => version)).toEqual(wanted.map(([version]) => version))
    for (const [i, [version, why]] of wanted.entries()) {
      expect(findings[i]).toMatchObject({
        code: 'rollback-unproven',
        severity: 'error',
        file: `${version}_x.up.sql`,
        message: expect.stringContaining(why),
        fix: expect.stringContaining('lockkeeper prove'),
      })
    }
  })

  test('holds for other names of the same files, and whatever runs behind all versions', () => {
    const renamed = {
      ...catalogue,
      entries: catalogue.entries.map((entry) => ({ ...entry, name: 'y', upFile: 'z.sql' })),
    }
    expect(verifyProof(proof, { ...renamed, unversioned: [{ key: 'R:view', up: '0'.repeat(64) }] }, proofKey)).toEqual(
      [],
    )
  })

  test('does not hold when a callback or a baseline is another', () => {
    for (const key of ['C:beforeMigrate ', 'B:1']) {
      const findings = verifyProof(proof, { ...catalogue, unversioned: [{ key, up: '0'.repeat(64) }] }, proofKey)
      expect(findings.map(({ message }) => message)).toEqual(
        Array(3).fill(expect.stringContaining('other predecessors')),
      )
    }
  })

  test('is asked of the judged migrations only, and not of one that says that it cannot be undone', () => {
    const only = verifyProof(undefined, catalogue, proofKey, catalogue.entries.slice(1, 2))
    expect(only).toMatchObject([{ message: 'version 2: no proof comes with the migrations' }])
    const declared = catalogue.entries.map((entry) => ({ ...entry, irreversible: 'money moved' }))
    expect(verifyProof(undefined, catalogue, proofKey, declared)).toEqual([])
    expect(verifyProof(undefined, catalogue, undefined, [])).toEqual([])
  })

  test('is not what was tried and did not restore the schema; a row that was lost is another matter', () => {
    const differs = proofText(entriesOf(catalogue, { compared: [{ what: 'schema', edition: 1, result: 'differs' }] }))
    expect(verifyProof(signed(differs, ours.privateKey), catalogue, proofKey)[0]?.message).toContain(
      'did not restore the schema',
    )
    const lossy = proofText(
      entriesOf(catalogue, {
        compared: [
          { what: 'schema', edition: 1, result: 'restored' },
          { what: 'rows', edition: 1, result: 'differs' },
        ],
      }),
    )
    expect(verifyProof(signed(lossy, ours.privateKey), catalogue, proofKey)).toEqual([])
    const onlyRows = proofText(entriesOf(catalogue, { compared: [{ what: 'rows', edition: 1, result: 'restored' }] }))
    expect(verifyProof(signed(onlyRows, ours.privateKey), catalogue, proofKey)).toHaveLength(3)
  })
})

describe('a signature', () => {
  test.each([
    ['of nobody', proofText(entriesOf(catalogue)), proofKey, 'the proof is not signed'],
    ['of another key', signed(proofText(entriesOf(catalogue)), keys().privateKey), proofKey, 'signed with another key'],
    [
      'under the name of our key, by another',
      signed(proofText(entriesOf(catalogue)), keys().privateKey).replace(
        /ed25519 [0-9a-f]{16}/,
        /ed25519 [0-9a-f]{16}/.exec(proof)?.[0] ?? '',
      ),
      proofKey,
      'bad signature',
    ],
    ['where the namespace has no key', proof, undefined, 'has no proof-key'],
    [
      'where the namespace has a key of another kind',
      proof,
      publicKeyLine(generateKeyPairSync('x25519').publicKey),
      'no Ed25519 public key',
    ],
    ['where the namespace has something else', proof, 'secret', 'no Ed25519 public key'],
    ['of nothing, since there is no proof', undefined, proofKey, 'no proof comes with the migrations'],
  ])('%s proves nothing, and the versions are named', (_, text, key, why) => {
    expect(verifyProof(text, catalogue, key)).toEqual([
      {
        code: 'rollback-unproven',
        severity: 'error',
        message: expect.stringMatching(`^version 1, 2, 10: .*${why}`),
        fix: expect.stringMatching(/./),
      },
    ])
  })

  test('is refused after any change of any byte of what is signed', () => {
    const end = proof.indexOf('signature ')
    const bytes = Buffer.from(proof)
    for (let at = 0; at < end; at++) {
      for (const bit of [1, 2, 4, 8, 16, 32, 64]) {
        const changed = Buffer.from(bytes)
        changed[at] = (changed[at] ?? 0) ^ bit
        expect(verifyProof(changed.toString('latin1'), catalogue, proofKey)).not.toEqual([])
      }
    }
  })

  test('is refused after bytes are put in, taken out or changed anywhere, whatever the reader makes of them', () => {
    fc.assert(
      fc.property(fc.nat(proof.length), fc.nat(3), fc.string({ unit: 'binary', maxLength: 3 }), (at, cut, more) => {
        const changed = proof.slice(0, at) + more + proof.slice(at + cut)
        fc.pre(changed !== proof)
        expect(verifyProof(changed, catalogue, proofKey)).not.toEqual([])
      }),
      { numRuns: 2000 },
    )
  })

  test('is refused in another spelling of the same bytes', () => {
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
    // The last character before the padding holds two bits that count, and four that do not.
    const last = alphabet.indexOf(proof.at(-4) ?? '')
    const other = proof.slice(0, -4) + alphabet[last ^ 1] + proof.slice(-3)
    const value = (text: string) => Buffer.from(text.split(' ').at(-1) ?? '', 'base64')
    expect(value(other)).toEqual(value(proof))
    expect(verifyProof(other, catalogue, proofKey)).toMatchObject([
      { message: expect.stringContaining('bad signature') },
    ])
  })

  test('is refused when entries change places, are doubled or left out', () => {
    const [head = '', one = '', two = '', ten = '', signature = ''] = proof.split('\n')
    for (const lines of [
      [two, one, ten],
      [one, one, two, ten],
      [one, ten],
      [one, two],
    ]) {
      expect(verifyProof(`${[head, ...lines, signature].join('\n')}\n`, catalogue, proofKey)).toMatchObject([
        { message: expect.stringContaining('bad signature') },
      ])
    }
  })
})

describe('keys', () => {
  test('are read as OpenSSL writes them, and a private one is never taken for a public one', () => {
    const pem = String(ours.privateKey.export({ format: 'pem', type: 'pkcs8' }))
    expect(readPrivateKey(pem)).toMatchObject({ asymmetricKeyType: 'ed25519' })
    expect(readPublicKey(pem)).toBeUndefined()
    expect(readPublicKey(` ${proofKey}\n`)).toMatchObject({ type: 'public' })
  })

  test.each([
    [
      'encrypted',
      String(keys().privateKey.export({ format: 'pem', type: 'pkcs8', cipher: 'aes-256-cbc', passphrase: 'x' })),
      'encrypted with a password',
    ],
    [
      'of another kind',
      String(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'pem', type: 'pkcs8' })),
      'a key of ec',
    ],
    ['public', String(ours.publicKey.export({ format: 'pem', type: 'spki' })), 'no private key'],
    ['no key', 'secret words', 'no private key'],
  ])('that are %s cannot sign, and the reason shows nothing of them', (_, pem, flaw) => {
    expect(readPrivateKey(pem)).toEqual({ flaw: expect.stringContaining(flaw) })
  })
})

describe('what runs before a version', () => {
  test('is the digest of the versions below it, for any set', () => {
    const hex = fc.stringMatching(/^[0-9a-f]{64}$/)
    const entries = fc.uniqueArray(
      fc.record({
        version: fc.integer({ min: 1, max: 50 }).map(String),
        up: hex,
        down: fc.option(hex, { nil: undefined }),
      }),
      { selector: ({ version }) => version },
    )
    fc.assert(
      fc.property(
        entries,
        fc.array(fc.record({ key: fc.constantFrom('C:afterMigrate ', 'B:3', 'R:view'), up: hex })),
        (all, unversioned) => {
          const given = all.map(({ down, ...entry }) => (down === undefined ? entry : { ...entry, down }))
          const counted = unversioned.filter(({ key }) => !key.startsWith('R:'))
          for (const [version, digest] of digestsBefore({ entries: given, unversioned })) {
            const below = given.filter((entry) => Number(entry.version) < Number(version))
            expect(digest).toBe(digestOf({ entries: below, unversioned: counted }, '99'))
          }
        },
      ),
    )
  })
})

test('what runs before a version changes with each of many callbacks', () => {
  const beside = Array.from({ length: 200 }, (_, i) => ({ key: `C:afterMigrate__${i}`, up: 'a'.repeat(64) }))
  const before = (unversioned: typeof beside) =>
    digestsBefore({ entries: catalogue.entries, unversioned }).get(catalogue.entries[0]?.version ?? '')
  const changes = [0, 20, 199].map((i) => beside.with(i, { key: `C:afterMigrate__${i}`, up: 'b'.repeat(64) }))
  const all = [beside, ...changes, beside.slice(1), beside.slice(0, 20), beside.slice(0, 21), [...beside].reverse()]
  expect(new Set(all.map(before)).size).toBe(all.length)
  expect(before([...beside, { key: 'R:view', up: 'c'.repeat(64) }])).toBe(before(beside))
})

describe('an earlier proof', () => {
  const entry = entriesOf(catalogue)[1] as ProofEntry
  const wanted = { postgres: 18, start: 'empty', compare: ['schema'] } as const
  test.each([
    ['the same', entry, wanted, true],
    ['another major', entry, { ...wanted, postgres: 17 }, false],
    ['another beginning', entry, { ...wanted, start: `dump:${'0'.repeat(64)}` } as const, false],
    ['rows too, which were not compared', entry, { ...wanted, compare: ['schema', 'rows'] } as const, false],
    [
      'what differed',
      { ...entry, compared: [{ what: 'schema', edition: EDITIONS.schema, result: 'differs' }] } as ProofEntry,
      wanted,
      false,
    ],
    [
      'what an older comparison saw',
      { ...entry, compared: [{ what: 'schema', edition: EDITIONS.schema + 1, result: 'restored' }] } as ProofEntry,
      wanted,
      false,
    ],
    ['other predecessors', { ...entry, before: `v1:${'0'.repeat(64)}` }, wanted, false],
  ])('covers %s, or does not', (_, known, asked, covers) => {
    expect(coveringEntry([known], entry, asked) !== undefined).toBe(covers)
  })
})

describe('a catalogue with a proof', () => {
  test('reads as the one without, and holds the proof byte for byte', () => {
    const read = readCatalogue(writeCatalogue({ ...catalogue, proof }))
    expect(read).toEqual({ ...(readCatalogue(writeCatalogue(catalogue)) as object), proof })
  })
})
