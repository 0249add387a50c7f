import { generateKeyPairSync } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { catalogueOf } from '../../src/migration/catalogue.ts'
import { readMigrations } from '../../src/migration/read.ts'
import { proofText } from '../../src/proof/proof-file.ts'
import { publicKeyLine, signed } from '../../src/proof/signature.ts'
import { type Admitted, admit, deployment, shop, source, statusOf, type World } from '../tools/admission.ts'
import { release } from '../tools/example-files.ts'
import { entriesOf } from '../tools/proof.ts'
import type { Files } from '../tools/runner.ts'

const key = (name: string) => `lockkeeper.dev/${name}`
const v = (target: string, annotations: Record<string, string> = {}, strategy = 'RollingUpdate') => {
  const made = deployment({ [key('schema-version')]: target, ...annotations }, `orders:${target}`)
  return { ...made, spec: { ...made.spec, strategy: { type: strategy } } }
}
const create = (target: '1' | '2' | '3', strategy?: string) =>
  admit(v(target, {}, strategy), undefined, { source: source(release(Number(target) as 1)), now: 1000 }).object
const codes = ({ verdict }: Admitted, severity = 'warning') =>
  verdict.findings.filter((each) => each.severity === severity).map(({ code }) => code)
const undo = ({ warnings }: Admitted) => warnings.find((line) => line.includes('an undo to'))?.trim()

const adds: Files = {
  ...release(2),
  '3_more.up.sql': 'ALTER TABLE orders ADD extra text;',
  '3_more.down.sql': 'ALTER TABLE orders DROP extra;',
}
const removes: Files = {
  ...release(2),
  '3_less.up.sql': 'ALTER TABLE orders DROP note;',
  '3_less.down.sql': 'ALTER TABLE orders ADD note text;',
}

describe('the floor', () => {
  test.each<[string, Files, string]>([
    ['stays where code of the release before works', adds, '0'],
    ['is the release itself where it does not', removes, '3'],
  ])('%s, in the status of the rollout', (_, files, floor) => {
    const { object } = admit(v('3'), create('2'), { source: source(files), now: 2000 })
    expect(statusOf(object)).toMatchObject({ target: '3', floor })
  })

  test('of each migration is handed to the runner, where it is not 0, and changes no token', () => {
    const envOf = ({ object }: Pick<Admitted, 'object'>): Record<string, string> =>
      Object.fromEntries(
        object.spec.template.spec.initContainers[0].env.map(({ name, value }: Record<string, string>) => [name, value]),
      )
    const three = admit(v('3'), create('2'), { source: source(removes), now: 2000 })
    expect(envOf(three).LOCKKEEPER_FLOORS).toBe('3=3')
    expect(envOf({ object: create('2') }).LOCKKEEPER_FLOORS).toBe('-')
    const known = source(removes)
    if (known.kind !== 'read') throw new Error('not read')
    const entries = known.catalogue.entries.map(({ floor: _, ...entry }) => ({ ...entry, floor: '0' }))
    const hotfix = { ...v('3'), spec: structuredClone(three.object.spec) }
    hotfix.spec.template.spec.containers[0].image = 'orders:3b'
    const again = admit(hotfix, three.object, {
      source: { ...known, catalogue: { ...known.catalogue, entries } },
      now: 9000,
    })
    expect(envOf(again)).toMatchObject({ LOCKKEEPER_FLOORS: '-', LOCKKEEPER_TOKEN: '2000' })
  })

  test.each<[string, Files, string, string]>([
    ['RollingUpdate', adds, 'auto', 'an undo to 2 leaves the schema: its code is known to work on it'],
    ['Recreate', adds, 'auto', 'an undo to 2 leaves the schema: its code is known to work on it'],
    [
      'Recreate',
      removes,
      'auto',
      'an undo to 2 runs the down scripts: only code from 3 on is known to work on the schema',
    ],
    [
      'RollingUpdate',
      removes,
      'auto',
      'an undo to 2 will be held: only code from 3 on is known to work on the schema (lockkeeper plan says why)',
    ],
    ['RollingUpdate', adds, 'always', 'an undo to 2 runs the down scripts (on-rollback: always)'],
    ['RollingUpdate', removes, 'keep', 'an undo to 2 leaves the schema (on-rollback: keep)'],
  ])('tells with the plan what an undo would do: %s', (strategy, files, onRollback, line) => {
    const world = { source: source(files), namespace: shop({ [key('on-rollback')]: onRollback }) }
    expect(undo(admit(v('3', {}, strategy), create('2', strategy), world))).toBe(line)
  })

  test('decides what the way back says: a schema that suits the older code stays, without a warning', () => {
    const three = admit(v('3'), create('2'), { source: source(adds), now: 2000 }).object
    const back = admit(v('2'), three, { source: source(release(2)), now: 3000 })
    expect(back.warnings).toEqual([
      'shop/Deployment/orders: asks for 2 again, and the schema stays at 3 (on-rollback: auto)',
    ])
  })

  test('lets the way back under Recreate run nothing where the older code works, and else names what is lost', () => {
    const back = (files: Files) => {
      const three = admit(v('3', {}, 'Recreate'), create('2', 'Recreate'), { source: source(files), now: 2000 }).object
      return admit(v('2', {}, 'Recreate'), three, { source: source(files), now: 3000 }).warnings
    }
    expect(back(adds).join()).not.toMatch(/down 3|rollback-data-loss/)
    const breaking = { ...adds, '3_more.up.sql': 'ALTER TABLE orders ADD extra text NOT NULL;' }
    expect(back(breaking).slice(0, 3)).toEqual([
      'shop/Deployment/orders: schema 3 goes back to 2 (on-rollback: auto)',
      '  down 3 more, by 3_more.down.sql',
      expect.stringMatching(/^rollback-data-loss: 3_more\.down\.sql line 1 drops column orders\.extra/),
    ])
  })
})

describe('what the SQL says', () => {
  const locks: Files = {
    ...release(2),
    '3_index.up.sql': 'CREATE INDEX orders_note ON orders (note);',
    '3_index.down.sql': 'DROP INDEX orders_note;',
  }
  const rollout = (files: Files, namespace = {}, more: Partial<World> = {}) =>
    admit(v('3'), create('2'), { source: source(files), namespace: shop(namespace), now: 2000, ...more })
  const listed = { [key('deny-findings')]: 'index-blocks-writes' }

  test('is a warning, of the migrations that are new', () => {
    const { verdict, warnings } = rollout(locks)
    expect(verdict.allowed).toBe(true)
    expect(codes(rollout(locks))).toEqual(['index-blocks-writes', 'index-drop-blocks-reads'])
    expect(warnings.join('\n')).toContain('index-blocks-writes: 3_index.up.sql line 1 ')
    expect(codes(admit(v('3', {}, 'RollingUpdate'), rollout(locks).object, { source: source(locks) }))).toEqual([])
  })

  test('is a denial where the namespace lists its code, in these words', () => {
    const { verdict } = rollout(locks, listed)
    expect(verdict.allowed).toBe(false)
    expect('message' in verdict && verdict.message.split('\n').slice(1)).toEqual([
      'schema version 3 of shop/orders is refused:',
      expect.stringMatching(/^ {2}index-blocks-writes {2}3_index\.up\.sql line 1 /),
      expect.stringMatching(/^ +fix: /),
      'No pod was changed. Policy: deny-findings=index-blocks-writes on namespace shop.',
    ])
  })

  test('is one line of warnings beside a denial, so that the reason of that stays in sight', () => {
    const many = Array.from({ length: 15 }, (_, i) => `CREATE INDEX i${i} ON orders (note);`).join('\n')
    const files = { ...locks, '3_index.up.sql': `${many}\nTRUNCATE orders;` }
    const { verdict } = rollout(files, { [key('deny-findings')]: 'truncate-loses-data' })
    expect(verdict.allowed).toBe(false)
    expect(verdict.warnings).toEqual([
      expect.stringMatching(/^\d+ warnings \(lockkeeper review lists them\): .*15 index-blocks-writes/),
    ])
    expect(verdict.warnings[0]?.length).toBeLessThanOrEqual(120)
  })

  test('is passed over where a comment allows it with a reason', () => {
    const allowed = '-- lockkeeper: allow index-blocks-writes the table is small\n'
    const files = { ...locks, '3_index.up.sql': `${allowed}CREATE INDEX orders_note ON orders (note);` }
    expect(rollout(files, listed).verdict.allowed).toBe(true)
  })

  test('is let through by break-glass, and by a dry run of what is not stored yet', () => {
    const excuse = { [key('break-glass')]: '3 the index is needed now' }
    const namespace = shop({ ...listed, [key('allow-break-glass')]: 'true' })
    const broken = admit(v('3', excuse), create('2'), { source: source(locks), namespace, now: 2000 })
    expect(broken.verdict.allowed).toBe(true)
    expect(rollout(locks, listed, { dryRun: true }).verdict.allowed).toBe(true)
    expect(rollout(locks, listed, { dryRun: true, source: source(locks, true) }).verdict.allowed).toBe(false)
  })

  describe('of a down script that is not valid SQL', () => {
    const broken: Files = {
      ...release(2),
      '3_more.up.sql': 'ALTER TABLE orders ADD extra text;',
      '3_more.down.sql': 'ALTER TABLE orders DELETE COLUMN extra;',
    }
    test.each(['require', 'off'])('is a denial under rollback-policy: %s', (policy) => {
      const { verdict } = rollout(broken, { [key('rollback-policy')]: policy })
      expect(verdict.allowed).toBe(false)
      expect('message' in verdict && verdict.message).toContain(
        'sql-rejected  3_more.down.sql line 1 column 20 is not valid SQL for PostgreSQL 18: syntax error at or near "DELETE"',
      )
    })

    test('is a denial on the first rollout of a workload too', () => {
      expect(codes(admit(v('3'), undefined, { source: source(broken) }), 'error')).toEqual(['sql-rejected'])
    })

    test('denies neither what the baseline covers, nor the way back, nor a rollout under break-glass', () => {
      const baseline = shop({ [key('baseline-version')]: '3' })
      expect(admit(v('3'), undefined, { source: source(broken), namespace: baseline }).verdict.allowed).toBe(true)
      const excuse = { [key('break-glass')]: '3 orders cannot be placed' }
      const namespace = shop({ [key('allow-break-glass')]: 'true' })
      const glass = admit(v('3', excuse), create('2'), { source: source(broken), namespace, now: 2000 })
      expect(glass.verdict.allowed).toBe(true)
      const back = admit(v('2'), glass.object, { source: source(broken), namespace, now: 3000 })
      expect(back.verdict.allowed).toBe(true)
    })
  })

  test('is not asked of what the baseline covers', () => {
    const namespace = shop({ [key('baseline-version')]: '3' })
    expect(codes(admit(v('3'), undefined, { source: source(locks), namespace }))).toEqual([])
  })

  test('holds no statement of the script: neither in a message nor in its cure', () => {
    const secret = {
      ...locks,
      '3_index.up.sql': "ALTER TABLE orders ADD note2 text DEFAULT md5(random()::text || 'hunter2');",
    }
    const { verdict } = rollout(secret, { [key('deny-findings')]: 'default-rewrites-table' })
    expect(verdict.allowed).toBe(false)
    expect(JSON.stringify(verdict)).not.toMatch(/hunter2|md5/)
  })

  test('that a down script drops what its up made is said on the way back, and before only where it is listed', () => {
    expect(codes(rollout(adds))).toEqual([])
    const namespace = { [key('deny-findings')]: 'rollback-data-loss' }
    expect(codes(rollout(adds, namespace), 'error')).toEqual(['rollback-data-loss'])
  })

  test('never denies the way back, whatever is listed', () => {
    const namespace = shop({ [key('deny-findings')]: 'rollback-data-loss', [key('on-rollback')]: 'auto' })
    const breaking = { ...adds, '3_more.up.sql': 'ALTER TABLE orders ADD extra text NOT NULL;' }
    const three = admit(v('3', {}, 'Recreate'), create('2', 'Recreate'), { source: source(breaking), now: 2000 }).object
    const back = admit(v('2', {}, 'Recreate'), three, { source: source(breaking), namespace, now: 3000 })
    expect([back.verdict.allowed, codes(back)]).toEqual([true, ['rollback-data-loss']])
  })

  test('that nobody could look at is a warning, and a denial where one of its codes is listed', () => {
    const read = source(locks)
    if (read.kind !== 'read') throw new Error('not read')
    const finding = { code: 'sql-unjudged', severity: 'warning', message: 'm', fix: 'f' } as const
    const unjudged = { ...read, catalogue: { ...read.catalogue, findings: [finding] } }
    expect(codes(rollout(locks, {}, { source: unjudged }))).toContain('sql-unjudged')
    expect(
      codes(rollout(locks, { [key('deny-findings')]: 'truncate-loses-data' }, { source: unjudged }), 'error'),
    ).toEqual(['sql-unjudged'])
    expect(codes(rollout(locks, { [key('deny-findings')]: 'deadline-long' }, { source: unjudged }), 'error')).toEqual(
      [],
    )
  })
})

describe('rollback-policy: proven', () => {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const files = release(3)
  const catalogue = catalogueOf(readMigrations(Object.entries(files).map(([name, content]) => ({ name, content }))))
  const proof = signed(proofText(entriesOf(catalogue)), privateKey)
  const policy = { [key('rollback-policy')]: 'proven', [key('proof-key')]: publicKeyLine(publicKey) }
  const withProof = (text: string | undefined, of = files) => {
    const read = source(of)
    if (read.kind !== 'read') throw new Error('not read')
    return { ...read, catalogue: { ...read.catalogue, ...(text !== undefined && { proof: text }) } }
  }
  const rollout = (text: string | undefined, namespace: Record<string, string> = policy, of = files) =>
    admit(v('3'), create('2'), { source: withProof(text, of), namespace: shop(namespace), now: 2000 })

  test('lets a release through whose new migrations a signed proof speaks for, those before it included', () => {
    expect(rollout(proof).verdict.allowed).toBe(true)
    expect(admit(v('3'), undefined, { source: withProof(proof), namespace: shop(policy) }).verdict.allowed).toBe(true)
  })

  test('refuses one without a proof, in these words', () => {
    const { verdict } = rollout(undefined)
    expect('message' in verdict && verdict.message.split('\n').slice(1)).toEqual([
      'schema version 3 of shop/orders cannot be rolled back:',
      '  rollback-unproven  version 3: no proof comes with the migrations',
      '                     fix: lockkeeper prove --proof FILE --sign KEY, then lockkeeper catalogue --proof FILE',
      'No pod was changed. Policy: rollback-policy=proven on namespace shop.',
    ])
  })

  const other = generateKeyPairSync('ed25519')
  test.each<[string, string, Record<string, string>, RegExp]>([
    [
      'signed by somebody else',
      signed(proofText(entriesOf(catalogue)), other.privateKey),
      {},
      /signed with another key/,
    ],
    ['not signed', proofText(entriesOf(catalogue)), {}, /not signed/],
    ['changed afterwards', proof.replace('2026-11', '2027-11'), {}, /bad signature/],
    ['no proof at all', 'hello', {}, /it is no proof of lockkeeper/],
    ['good, where the namespace names no key', proof, { [key('proof-key')]: '' }, /proof-key/],
  ])('refuses with a proof that is %s', (_, text, more, reason) => {
    const { verdict } = rollout(text, { ...policy, ...more })
    expect(verdict.allowed).toBe(false)
    expect('message' in verdict && verdict.message).toMatch(reason)
  })

  test('refuses a script that was changed after it was proven, and one that came in before it', () => {
    const changed = { ...files, '3_rename_note.down.sql': 'ALTER TABLE orders RENAME remark TO notes;' }
    expect(codes(rollout(proof, policy, changed), 'error')).toEqual(['rollback-unproven'])
    const before = { ...files, '0_x.up.sql': 'SELECT 1;', '0_x.down.sql': 'SELECT 1;' }
    expect(codes(rollout(proof, policy, before), 'error')).toEqual(['rollback-unproven', 'rollback-unproven'])
  })

  test('asks nothing of the baseline, nothing on the way back, and gives way to break-glass', () => {
    expect(rollout(undefined, { ...policy, [key('baseline-version')]: '3' }).verdict.allowed).toBe(true)
    const three = rollout(proof).object
    expect(admit(v('2'), three, { source: withProof(undefined), namespace: shop(policy) }).verdict.allowed).toBe(true)
    const excuse = { [key('break-glass')]: '3 no time to prove it' }
    const namespace = shop({ ...policy, [key('allow-break-glass')]: 'true' })
    const broken = admit(v('3', excuse), create('2'), { source: withProof(undefined), namespace, now: 2000 })
    expect(broken.verdict.allowed).toBe(true)
    expect(codes(broken)).toContain('rollback-unproven')
  })
})
