import { describe, expect, test } from 'vitest'
import { admit, type Deployment, deployment, envOf, gone, ours, shop, source, statusOf } from '../tools/admission.ts'
import { release } from '../tools/example-files.ts'

const v = (target: string, more: Record<string, string> = {}, image = `orders:${target}`) =>
  deployment({ 'lockkeeper.dev/schema-version': target, ...more }, image)
const change = (object: Deployment, edit: (copy: Deployment) => void): Deployment => {
  const copy = structuredClone(object)
  edit(copy)
  return copy
}
/** A client-side apply keeps what the server added to the template. */
const applied = (stored: Deployment, wanted: Deployment): Deployment =>
  change(wanted, (copy) => {
    copy.spec.template.metadata.annotations = stored.spec.template.metadata.annotations
    copy.spec.template.spec.initContainers = stored.spec.template.spec.initContainers
    copy.spec.template.spec.volumes = stored.spec.template.spec.volumes
  })

const created = admit(v('2'), undefined, { source: source(release(2)), now: 1000 })
const rolled = admit(applied(created.object, v('3')), created.object, { source: source(release(3)), now: 2000 })

describe('a new workload', () => {
  test('is equipped with container, volume and status, and shows its plan', () => {
    expect(created.verdict.allowed).toBe(true)
    expect(ours(created.object)).toMatchObject({
      image: 'lockkeeper/runner:1',
      securityContext: { runAsNonRoot: true, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } },
    })
    expect(envOf(created.object)).toMatchObject({
      LOCKKEEPER_TARGET: '2',
      LOCKKEEPER_TOKEN: '1000',
      LOCKKEEPER_WORKLOAD: 'shop/Deployment/orders',
      LOCKKEEPER_DATABASE_DIR: '/lockkeeper/database',
    })
    expect(statusOf(created.object)).toMatchObject({ target: '2', token: 1000, floor: '0' })
    expect(created.warnings).toEqual([
      'shop/Deployment/orders: schema as it is to 2, 2 migrations unless applied already',
      '  up 1 create_orders, back by 1_create_orders.down.sql',
      '  up 2 add_note, back by 2_add_note.down.sql',
    ])
  })

  test('without the label, without the annotation or on its way out sees nothing of us', () => {
    const unlabelled = { ...shop(), labels: {} }
    expect(admit(v('2'), undefined, { source: gone, namespace: unlabelled }).patch).toEqual([])
    const plain = change(v('2'), (copy) => {
      copy.metadata.annotations = {}
    })
    expect(admit(plain, undefined, { source: gone }).patch).toEqual([])
    const leaving = change(v('2'), (copy) => {
      copy.metadata.deletionTimestamp = '2026-01-01T00:00:00Z'
    })
    expect(admit(leaving, undefined, { source: gone }).patch).toEqual([])
  })

  test('that a controller owns is warned about and not equipped', () => {
    const owned = change(v('2'), (copy) => {
      copy.metadata.ownerReferences = [{ controller: true, kind: 'Cluster', name: 'main' }]
    })
    const result = admit(owned, undefined, { source: source(release(2)) })
    expect(result.patch).toEqual([])
    expect(result.warnings[0]).toContain('Cluster/main owns this workload')
  })

  test('stands behind native sidecars, and before the other init containers', () => {
    const proxied = change(v('2'), (copy) => {
      copy.spec.template.spec.initContainers = [{ name: 'proxy', restartPolicy: 'Always' }, { name: 'warm-up' }]
    })
    const { object } = admit(proxied, undefined, { source: source(release(2)) })
    expect(object.spec.template.spec.initContainers.map(({ name }: { name: string }) => name)).toEqual([
      'proxy',
      'lockkeeper-migrate',
      'warm-up',
    ])
  })

  test('that runs as root gets a user for our container only', () => {
    const root = change(v('2'), (copy) => {
      copy.spec.template.spec.securityContext = { runAsUser: 0 }
    })
    const { object } = admit(root, undefined, { source: source(release(2)) })
    expect(ours(object).securityContext.runAsUser).toBe(65532)
    expect(object.spec.template.spec.securityContext).toEqual({ runAsUser: 0 })
  })

  test('with its URL in its own environment hands over that entry and the ones it names', () => {
    const { object } = admit(v('2', { 'lockkeeper.dev/database': 'env/orders:URL' }), undefined, {
      source: source(release(2)),
    })
    expect(ours(object).env.slice(0, 2)).toEqual([
      { name: 'HOST', value: 'db' },
      { name: 'LOCKKEEPER_DATABASE_URL', value: 'postgresql://$(HOST)/x' },
    ])
    const wrong = admit(v('2', { 'lockkeeper.dev/database': 'env/orders:OTHER' }), undefined, {
      source: source(release(2)),
    })
    expect(wrong.verdict).toMatchObject({ allowed: false })
  })
})

describe('the next release', () => {
  test('gets a new token, and only the new steps in its plan', () => {
    expect(envOf(rolled.object)).toMatchObject({ LOCKKEEPER_TARGET: '3', LOCKKEEPER_TOKEN: '2000' })
    expect(rolled.warnings).toEqual([
      'shop/Deployment/orders: schema 2 to 3, 1 migration',
      '  up 3 rename_note, back by 3_rename_note.down.sql',
      '  an undo to 2 will be held: only code from 3 on is known to work on the schema (lockkeeper plan says why)',
      'rename-breaks-clients: 3_rename_note.up.sql line 1 renames column orders.note to orders.remark, and code of the release…',
      '  fix: add the new column, write both, fill it in batches, and drop the old one in a later release',
    ])
  })

  test('without a down script is refused with the message that a person sees', () => {
    const files = { ...release(2), '3_rename_note.up.sql': 'SELECT 1;' }
    const { verdict } = admit(applied(created.object, v('3')), created.object, {
      source: source(files),
      namespace: shop({ 'lockkeeper.dev/rollback-policy': 'require' }),
    })
    expect(verdict).toMatchObject({ allowed: false })
    expect('message' in verdict && verdict.message).toBe(
      [
        '',
        'schema version 3 of shop/orders cannot be rolled back:',
        '  rollback-missing  3_rename_note.up.sql has no down script',
        '                    fix: write 3_rename_note.down.sql (lockkeeper lint shows what it must undo)',
        'No pod was changed. Policy: rollback-policy=require on namespace shop.',
      ].join('\n'),
    )
  })

  const refused: [string, Record<string, string>, string][] = [
    ['rollback-empty', { '3_x.up.sql': 'SELECT 1;', '3_x.down.sql': '-- nothing\n' }, 'rollback-empty'],
    [
      'rollback-irreversible',
      { '3_x.up.sql': '-- lockkeeper: irreversible it deletes\nSELECT 1;', '3_x.down.sql': 'SELECT 1;' },
      'rollback-irreversible',
    ],
    [
      'rollback-touches-history',
      { '3_x.up.sql': 'SELECT 1;', '3_x.down.sql': 'DROP SCHEMA lockkeeper CASCADE;' },
      'rollback-touches-history',
    ],
    [
      'transaction-control',
      { '3_x.up.sql': 'SELECT 1;\nCOMMIT;\nSELECT 2;', '3_x.down.sql': 'SELECT 1;' },
      'transaction-control',
    ],
    [
      'version-duplicate',
      { '3_x.up.sql': 'SELECT 1;', '03_y.up.sql': 'SELECT 2;', '3_x.down.sql': 'SELECT 1;' },
      'version-duplicate',
    ],
    [
      'version-invalid',
      { '3_x.up.sql': 'SELECT 1;', '3_x.down.sql': 'SELECT 1;', 'notes.sql': 'SELECT 1;' },
      'version-invalid',
    ],
    ['source-unreadable', { '3_x.up.sql': "SELECT 'open", '3_x.down.sql': 'SELECT 1;' }, 'source-unreadable'],
    ['target-unknown', {}, 'target-unknown'],
  ]
  test.each(refused)('is refused with %s, and only warned about in a dry run', (_, files, code) => {
    const world = { source: source({ ...release(2), ...files }) }
    const object = applied(created.object, v('3'))
    const { verdict } = admit(object, created.object, world)
    expect(verdict.allowed).toBe(false)
    expect('message' in verdict && verdict.message).toContain(`  ${code}`)
    expect(verdict.findings.filter(({ severity }) => severity === 'error').every(({ fix }) => fix.length > 5)).toBe(
      true,
    )
    const dry = admit(object, created.object, { ...world, dryRun: true })
    expect(dry.verdict.allowed).toBe(true)
    expect(dry.warnings.join('\n')).toContain(code)
    const immutable = admit(object, created.object, { source: source({ ...release(2), ...files }, true), dryRun: true })
    expect(immutable.verdict.allowed).toBe(false)
  })

  test('is refused when its ConfigMap is missing or cannot be read, with the cure', () => {
    for (const [outcome, code] of [
      [gone, 'source-missing'],
      [{ kind: 'failed', configMap: 'orders-migrations', reason: 'timeout' }, 'source-unreadable'],
    ] as const) {
      const { verdict } = admit(applied(created.object, v('3')), created.object, { source: outcome })
      expect('message' in verdict && verdict.message).toMatch(new RegExp(`${code}.*\\n.*fix: .*again`))
    }
  })

  test('is refused when the files change between the two webhooks', () => {
    const later = source({ ...release(3), '3_rename_note.up.sql': 'SELECT 2;' })
    const { verdict } = admit(applied(created.object, v('3')), created.object, {
      source: source(release(3)),
      sourceLater: later,
    })
    expect('message' in verdict && verdict.message).toContain('source-changed')
  })

  test('is refused when our container was taken out, doubled or changed after the mutation', () => {
    const edits: ((copy: Deployment) => void)[] = [
      (copy) => {
        copy.spec.template.spec.initContainers = []
      },
      (copy) => {
        copy.spec.template.spec.volumes = []
      },
      (copy) => {
        copy.spec.template.spec.initContainers.push(ours(copy))
      },
      (copy) => {
        ours(copy).env.find(({ name }: { name: string }) => name === 'LOCKKEEPER_TARGET').value = '2'
      },
    ]
    for (const edit of edits) {
      const { verdict } = admit(applied(created.object, v('3')), created.object, {
        source: source(release(3)),
        between: (object) => change(object, edit),
      })
      expect('message' in verdict && verdict.message).toContain('not-injected')
      const scaled = change(rolled.object, (copy) => Object.assign(copy.spec, { replicas: 7 }))
      const later = admit(scaled, rolled.object, { source: gone, between: (object) => change(object, edit) })
      expect('message' in later.verdict && later.verdict.message).toContain('not-injected')
    }
  })

  test('passes when others add to our container what they add to every one', () => {
    const between = (object: Deployment) =>
      change(object, (copy) => {
        ours(copy).env.push({ name: 'PROXY', value: 'x' })
        ours(copy).image = `mirror/${ours(copy).image}`
      })
    const next = admit(applied(created.object, v('3')), created.object, { source: source(release(3)), between })
    expect(next.verdict.allowed).toBe(true)
    const scaled = change(rolled.object, (copy) => Object.assign(copy.spec, { replicas: 7 }))
    expect(admit(scaled, rolled.object, { source: gone, between }).verdict.allowed).toBe(true)
  })

  test('passes under rollback-policy off, below the baseline, and by break-glass in the one update that brings it', () => {
    const files = { ...release(2), '3_x.up.sql': 'SELECT 1;' }
    const go = (namespace: Record<string, string>, own: Record<string, string> = {}) =>
      admit(applied(created.object, v('3', own)), created.object, { source: source(files), namespace: shop(namespace) })
    expect(go({ 'lockkeeper.dev/rollback-policy': 'off' }).verdict.allowed).toBe(true)
    expect(go({ 'lockkeeper.dev/baseline-version': '3' }).verdict.allowed).toBe(true)
    expect(go({ 'lockkeeper.dev/baseline-version': '2' }).verdict.allowed).toBe(false)
    const breakGlass = { 'lockkeeper.dev/break-glass': '3 the shop is down' }
    expect(go({}, breakGlass).verdict.allowed).toBe(false)
    const permitted = { 'lockkeeper.dev/allow-break-glass': 'true' }
    const excused = go(permitted, breakGlass)
    expect(excused.verdict).toMatchObject({ allowed: true, audit: { 'break-glass': '3 the shop is down' } })
    expect(excused.warnings.join('\n')).toContain('break-glass')
    expect(envOf(excused.object).LOCKKEEPER_BREAK_GLASS).toBe('3')
    expect(envOf(excused.object).LOCKKEEPER_ALLOW_ADOPT).toBeUndefined()
    const adopting = go({ 'lockkeeper.dev/rollback-policy': 'off', 'lockkeeper.dev/allow-adopt': 'true' })
    expect(envOf(adopting.object).LOCKKEEPER_ALLOW_ADOPT).toBe('true')
    expect(go(permitted, { 'lockkeeper.dev/break-glass': '2 another version' }).verdict.allowed).toBe(false)
    const before = change(created.object, (copy) => {
      copy.metadata.annotations = { ...copy.metadata.annotations, ...breakGlass }
    })
    const again = admit(applied(before, v('3', breakGlass)), before, {
      source: source(files),
      namespace: shop(permitted),
    })
    expect(again.verdict.allowed).toBe(false)
  })
})

describe('the way back', () => {
  /** `kubectl rollout undo` brings the old template and the old annotations. */
  const undone = created.object
  test('is allowed with a warning and a new token, whatever is left of the files', () => {
    for (const outcome of [source(release(2)), source(release(3)), source({ 'x.txt': '' }), gone]) {
      const { verdict, object } = admit(undone, rolled.object, { source: outcome, now: 3000 })
      expect(verdict.allowed).toBe(true)
      expect(statusOf(object)).toMatchObject({ target: '2', token: 3000, digest: statusOf(created.object).digest })
      expect(verdict.warnings.join('\n')).toContain('schema-ahead-incompatible')
    }
  })

  test('without files keeps the mounts that the old template had', () => {
    const { object } = admit(undone, rolled.object, { source: gone, now: 3000 })
    expect(object.spec.template.spec.volumes).toEqual(created.object.spec.template.spec.volumes)
  })

  test('under always says which data goes; under keep nothing; the namespace wins over the workload', () => {
    const back = (namespace: Record<string, string>) =>
      admit(undone, rolled.object, { source: source(release(2)), namespace: shop(namespace), now: 3000 })
    const always = back({ 'lockkeeper.dev/on-rollback': 'always' })
    expect(always.warnings.join('\n')).toContain('rollback-data-loss')
    expect(envOf(always.object).LOCKKEEPER_ON_ROLLBACK).toBe('always')
    const keep = back({ 'lockkeeper.dev/on-rollback': 'keep' })
    expect(keep.warnings).toEqual([
      'shop/Deployment/orders: asks for 2 again, and the schema stays at 3 (on-rollback: keep)',
    ])
  })

  test('by the annotation alone is pointed out', () => {
    const { warnings } = admit(applied(rolled.object, v('2', {}, 'orders:3')), rolled.object, {
      source: source(release(3)),
    })
    expect(warnings.join('\n')).toContain('target-lowered')
  })
})

describe('edits of a running workload', () => {
  const upgraded = {
    source: gone,
    runnerImage: 'lockkeeper/runner:2',
    namespace: shop({ 'lockkeeper.dev/on-rollback': 'always' }),
    now: 9000,
  }
  const edits: [string, (copy: Deployment) => void][] = [
    ['replicas', (copy) => Object.assign(copy.spec, { replicas: 7 })],
    ['a label', (copy) => Object.assign(copy.metadata, { labels: { team: 'a' } })],
    ['the environment of our container', (copy) => ours(copy).env.push({ name: 'FOO', value: 'bar' })],
    [
      'our container away',
      (copy) => {
        copy.spec.template.spec.initContainers = []
      },
    ],
    [
      'our status',
      (copy) => {
        copy.spec.template.metadata.annotations['lockkeeper.dev/status'] = '{}'
      },
    ],
  ]
  test.each(edits)(
    'changing %s keeps the pods as they are, even after our upgrade and without the ConfigMap',
    (_, edit) => {
      const { object, verdict } = admit(change(rolled.object, edit), rolled.object, upgraded)
      expect(verdict.allowed).toBe(true)
      expect(object.spec.template).toEqual(rolled.object.spec.template)
    },
  )

  test('an edit of our container is put back with a warning', () => {
    const edited = change(rolled.object, (copy) => ours(copy).env.push({ name: 'FOO', value: 'bar' }))
    expect(admit(edited, rolled.object, upgraded).warnings).toEqual([
      'lockkeeper-migrate belongs to Lockkeeper: the change to it was put back',
    ])
  })

  test('a new image alone keeps the token, takes today’s runner, and passes without the ConfigMap', () => {
    const edit = (copy: Deployment) => {
      copy.spec.template.spec.containers[0].image = 'orders:hotfix'
    }
    const withFiles = admit(change(rolled.object, edit), rolled.object, {
      source: source(release(3)),
      runnerImage: 'lockkeeper/runner:2',
      now: 9000,
    })
    expect(envOf(withFiles.object).LOCKKEEPER_TOKEN).toBe('2000')
    expect(ours(withFiles.object).image).toBe('lockkeeper/runner:2')
    const without = admit(change(rolled.object, edit), rolled.object, { source: gone, now: 9000 })
    expect(without.verdict.allowed).toBe(true)
    expect(ours(without.object)).toEqual(ours(rolled.object))
    expect(without.warnings.join('\n')).toContain('source-missing')
  })

  test('kubectl rollout restart and a changed default of the namespace give a new token', () => {
    const restarted = change(rolled.object, (copy) => {
      copy.spec.template.metadata.annotations['kubectl.kubernetes.io/restartedAt'] = 'now'
    })
    expect(
      envOf(admit(restarted, rolled.object, { source: source(release(3)), now: 9000 }).object).LOCKKEEPER_TOKEN,
    ).toBe('9000')
    const hotfix = change(rolled.object, (copy) => {
      copy.spec.template.spec.containers[0].image = 'orders:hotfix'
    })
    const always = admit(hotfix, rolled.object, {
      source: source(release(3)),
      now: 9000,
      namespace: shop({ 'lockkeeper.dev/on-rollback': 'always' }),
    })
    expect(envOf(always.object)).toMatchObject({ LOCKKEEPER_TOKEN: '9000', LOCKKEEPER_ON_ROLLBACK: 'always' })
  })

  test('taking the annotations away takes our parts away, and nothing else', () => {
    const plain = change(rolled.object, (copy) => {
      copy.metadata.annotations = {}
    })
    const { object, warnings } = admit(plain, rolled.object, { source: gone })
    const never = change(v('3'), (copy) => {
      copy.metadata.annotations = {}
    })
    expect(object).toEqual(never)
    expect(warnings).toEqual([
      'intent-dropped: the schema stays at 3, and nothing checks orders any more; put the annotations back to have it checked',
    ])
  })

  test('a CREATE that carries our parts without asking is left alone', () => {
    const copied = change(rolled.object, (copy) => {
      copy.metadata.annotations = {}
    })
    expect(admit(copied, undefined, { source: gone }).patch).toEqual([])
  })
})

describe('tokens', () => {
  test('a second round of the webhooks changes nothing', () => {
    const again = admit(rolled.object, created.object, { source: source(release(3)), now: 2500 })
    expect(again.patch).toEqual([])
    expect(admit(created.object, undefined, { source: source(release(2)), now: 1100 }).patch).toEqual([])
  })

  test('never fall behind a clock that runs late, and are not made up in a dry run', () => {
    const late = admit(applied(rolled.object, v('2')), rolled.object, { source: source(release(2)), now: 5 })
    expect(statusOf(late.object).token).toBe(2001)
    const dry = admit(applied(rolled.object, v('2')), rolled.object, {
      source: source(release(2)),
      now: 777_777,
      dryRun: true,
    })
    expect(statusOf(dry.object).token).toBe(2001)
  })
})
