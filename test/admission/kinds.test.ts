import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { mutate } from '../../src/admission/mutate.ts'
import { findKind, KINDS } from '../../src/injection/kinds.ts'
import { factsOf, gone, shop, source } from '../tools/admission.ts'
import { release } from '../tools/example-files.ts'
import { arrive, requestOf } from './recorded/api-server.ts'
import { applyClientSide, jobFrom, setSpec, undoTemplate } from './recorded/clients.ts'
import { change, envOf, kinds, type Manifest, manifest, ours, statusOf, templateOf } from './recorded/objects.ts'

const world = (version: 0 | 1 | 2 | 3, now = 1000) => ({ source: source(release(version)), now })
const stored = (object: Manifest) => arrive(object, undefined, world(2)).object
const codes = ({ verdict }: ReturnType<typeof arrive>) =>
  verdict.findings.map(({ code, severity }) => `${severity} ${code}`)
const messageOf = ({ verdict }: ReturnType<typeof arrive>) => (verdict.allowed ? '' : verdict.message)

describe('the table of kinds', () => {
  test('has the kinds that are promised, each under its own group', () => {
    expect(KINDS.map(({ group, version, kind }) => `${group}/${version} ${kind}`)).toEqual([
      'apps/v1 Deployment',
      'apps/v1 StatefulSet',
      'apps/v1 DaemonSet',
      'batch/v1 Job',
      'batch/v1 CronJob',
      'argoproj.io/v1alpha1 Rollout',
    ])
    expect(findKind('', 'v1', 'Pod')).toBeUndefined()
    expect(findKind('apps', 'v1', 'ReplicaSet')).toBeUndefined()
    expect(findKind('autoscaling', 'v1', 'Scale')).toBeUndefined()
  })

  test.each(KINDS)(
    'says of $kind in docs/workloads.md where its template is, what an undo restores and what to do',
    (row) => {
      const docs = readFileSync(join(import.meta.dirname, '../../docs/workloads.md'), 'utf8')
      const line = docs.split('\n').find((each) => each.startsWith(`| ${row.kind} |`))
      expect(line).toContain(`\`${row.template.join('.')}\``)
      expect(line).toContain(`| ${row.undo} |`)
      expect(line).toContain(row.afterFailure ?? 'nothing more')
    },
  )

  test.each(kinds)('%s is patched below its own template and nowhere else', (kind) => {
    const { patch } = mutate(requestOf(manifest(kind, 2), undefined), factsOf(world(2)))
    const place = `/${KINDS.find((each) => each.kind === kind)?.template.join('/')}/`
    expect(patch.length).toBeGreaterThan(0)
    expect(patch.filter(({ path }) => !path.startsWith(place))).toEqual([])
    expect(envOf(stored(manifest(kind, 2))).LOCKKEEPER_WORKLOAD).toBe(`shop/${kind}/orders`)
  })

  const strategies: [kind: string, spec: object, expected: string | undefined][] = [
    ['Deployment', {}, 'RollingUpdate'],
    ['Deployment', { strategy: { type: 'Recreate' } }, 'Recreate'],
    ['StatefulSet', {}, 'RollingUpdate'],
    ['StatefulSet', { updateStrategy: { type: 'OnDelete' } }, 'OnDelete'],
    ['DaemonSet', { updateStrategy: { type: 'RollingUpdate' } }, 'RollingUpdate'],
    ['DaemonSet', { updateStrategy: { type: 'OnDelete' } }, 'OnDelete'],
    ['Rollout', { strategy: { canary: {} } }, 'Canary'],
    ['Rollout', { strategy: { blueGreen: { activeService: 'a' } } }, 'BlueGreen'],
    ['Job', {}, undefined],
    ['CronJob', {}, undefined],
  ]
  test.each(strategies)('%s with %o hands the runner the strategy %s', (kind, spec, expected) => {
    expect(envOf(stored(setSpec(manifest(kind, 2), spec))).LOCKKEEPER_STRATEGY).toBe(expected)
  })

  test.each(KINDS)(
    '$kind: the plan says what is to be done after a failure, where that is more than to apply again',
    (row) => {
      const { warnings } = arrive(manifest(row.kind, 2), undefined, world(2))
      const line = warnings.find((each) => each.startsWith('  if one fails: '))
      expect(line).toBe(row.afterFailure && `  if one fails: ${row.afterFailure}`)
      const same = stored(manifest(row.kind, 2))
      expect(arrive(setSpec(same, { x: 1 }), same, world(2)).warnings).toEqual([])
    },
  )

  test.each([
    ['Deployment', 'paused'],
    ['Rollout', 'paused'],
    ['Job', 'suspend'],
    ['CronJob', 'suspend'],
  ])('%s under spec.%s is equipped, and told that nothing happens before it goes on', (kind, key) => {
    const { warnings, object } = arrive(setSpec(manifest(kind, 2), { [key]: true }), undefined, world(2))
    expect(statusOf(object).target).toBe('2')
    expect(warnings).toContain(`  it is paused (spec.${key}): this happens when it goes on`)
  })

  test('only kinds with a progress deadline are compared with it', () => {
    const long = { annotations: { 'config.lockkeeper.dev/deadline': '20m' } }
    const said = kinds.filter((kind) =>
      codes(arrive(manifest(kind, 2, long), undefined, world(2))).includes('warning deadline-long'),
    )
    expect(said).toEqual(['Deployment', 'Rollout'])
  })
})

describe('position', () => {
  const proxy = { name: 'proxy', restartPolicy: 'Always' }
  const [warm, load] = [{ name: 'warm-up' }, { name: 'load' }]
  const rows: [title: string, given: object[], after: string | undefined, expected: string[]][] = [
    ['first', [warm, load], undefined, ['lockkeeper-migrate', 'warm-up', 'load']],
    ['behind native sidecars', [proxy, warm], undefined, ['proxy', 'lockkeeper-migrate', 'warm-up']],
    [
      'behind the last native sidecar',
      [proxy, warm, proxy, load],
      undefined,
      ['proxy', 'warm-up', 'proxy', 'lockkeeper-migrate', 'load'],
    ],
    ['behind the container that is named', [warm, load], 'warm-up', ['warm-up', 'lockkeeper-migrate', 'load']],
    [
      'behind the named one, though a sidecar comes later',
      [warm, proxy],
      'warm-up',
      ['warm-up', 'lockkeeper-migrate', 'proxy'],
    ],
    ['first, where the named one is not there', [warm], 'nobody', ['lockkeeper-migrate', 'warm-up']],
  ]
  test.each(kinds.flatMap((kind) => rows.map((row) => [kind, ...row] as const)))(
    'in a %s is %s',
    (kind, _, initContainers, after, expected) => {
      const annotations = after === undefined ? {} : { 'config.lockkeeper.dev/after-container': after }
      const object = stored(manifest(kind, 2, { pod: { initContainers }, annotations }))
      expect(templateOf(object).spec.initContainers.map(({ name }: { name: string }) => name)).toEqual(expected)
    },
  )
})

describe('a kind whose undo restores the template alone', () => {
  const templateOnly = KINDS.filter(({ undo }) => undo === 'template').map(({ kind }) => kind)
  const next = (kind: string, on?: 'template') => {
    const options = on === undefined ? {} : { on }
    const first = stored(manifest(kind, 2, options))
    const given = applyClientSide(first, manifest(kind, 2, options), manifest(kind, 3, options))
    return { first, second: arrive(given, first, world(3, 2000)).object }
  }

  test.each(templateOnly)(
    '%s is warned about intent on its metadata alone, and not about intent on the template',
    (kind) => {
      const said = arrive(manifest(kind, 2), undefined, world(2))
      expect(codes(said)).toEqual(['warning intent-split'])
      expect(said.warnings.join('\n')).toContain('write the annotations on spec.template.metadata instead')
      expect(codes(arrive(manifest(kind, 2, { on: 'template' }), undefined, world(2)))).toEqual([])
      const both = change(manifest(kind, 2, { on: 'template' }), (copy) => {
        copy.metadata.annotations = manifest(kind, 2).metadata.annotations ?? {}
      })
      expect(codes(arrive(both, undefined, world(2)))).toEqual([])
    },
  )

  test.each(templateOnly)(
    '%s: an undo that leaves the annotation behind is denied, and our webhook touches nothing',
    (kind) => {
      const { first, second } = next(kind)
      for (const circumstances of [world(3, 3000), { ...world(2, 3000), dryRun: true }, { source: gone }]) {
        const result = arrive(undoTemplate(second, first), second, circumstances)
        expect(result.patch).toEqual([])
        expect(codes(result)).toEqual(['error intent-split'])
        expect(messageOf(result)).toMatch(/came back from version 2, but .*schema-version on the metadata is still "3"/)
        expect(messageOf(result)).toContain('fix: apply the manifest of version 2')
      }
    },
  )

  test.each(templateOnly)('%s: the same where only our parts differ between the revisions', (kind) => {
    const first = stored(manifest(kind, 2, { image: 'same' }))
    const given = applyClientSide(first, manifest(kind, 2), manifest(kind, 3, { image: 'same' }))
    const second = arrive(given, first, world(3, 2000)).object
    expect(codes(arrive(undoTemplate(second, first), second, world(3, 3000)))).toEqual(['error intent-split'])
  })

  test.each(templateOnly)('%s: metadata and template that differ are denied', (kind) => {
    const split = change(manifest(kind, 2, { on: 'template' }), (copy) => {
      copy.metadata.annotations = { 'lockkeeper.dev/schema-version': '3' }
    })
    const result = arrive(split, undefined, world(3))
    expect(messageOf(result)).toContain(
      'lockkeeper.dev/schema-version is "3" on the workload and "2" on its pod template',
    )
    expect(messageOf(result)).toContain('fix: write it on the pod template only')
  })

  test.each(templateOnly)(
    '%s: an undo to the same target is none of this, nor a status edited by hand, nor an apply',
    (kind) => {
      const { first, second } = next(kind)
      const hotfix = arrive(
        applyClientSide(second, manifest(kind, 3), manifest(kind, 3, { image: 'hotfix' })),
        second,
        world(3, 3000),
      )
      expect(arrive(undoTemplate(hotfix.object, second), hotfix.object, world(3, 4000)).verdict.allowed).toBe(true)
      const edited = change(second, (copy) => {
        templateOf(copy).metadata.annotations['lockkeeper.dev/status'] =
          templateOf(first).metadata.annotations['lockkeeper.dev/status']
      })
      const restored = arrive(edited, second, { source: gone })
      expect([restored.verdict.allowed, restored.object]).toEqual([true, second])
      const applied = arrive(applyClientSide(second, manifest(kind, 3), manifest(kind, 2)), second, world(2, 3000))
      expect(applied.verdict.allowed).toBe(true)
      const retargeted = change(undoTemplate(second, first), (copy) => {
        copy.metadata.annotations = manifest(kind, 1).metadata.annotations ?? {}
      })
      expect(statusOf(arrive(retargeted, second, world(2, 3000)).object).target).toBe('1')
    },
  )

  test('a Deployment, whose undo restores both, hears nothing of it', () => {
    expect(codes(arrive(manifest('Deployment', 2), undefined, world(2)))).toEqual([])
    const split = change(manifest('Deployment', 2, { on: 'template' }), (copy) => {
      copy.metadata.annotations = { 'lockkeeper.dev/schema-version': '3' }
    })
    expect(messageOf(arrive(split, undefined, world(3)))).toContain('fix: write it in one of the two places')
  })
})

describe('a Job', () => {
  const job = stored(manifest('Job', 2))

  test('is equipped when it is created, and never patched after', () => {
    expect(ours(job)).toBeDefined()
    const updates = [
      setSpec(job, { suspend: false }),
      change(job, (copy) => Object.assign(copy.metadata, { labels: { a: 'b' } })),
      change(job, (copy) => delete templateOf(copy).metadata.annotations['lockkeeper.dev/status']),
      change(job, (copy) => delete copy.metadata.annotations),
    ]
    for (const object of updates) {
      const { patch, verdict } = arrive(object, job, { source: gone })
      expect([patch, verdict.allowed]).toEqual([[], true])
    }
  })

  test.each([
    ['that was equipped', job],
    ['that came before us', manifest('Job', 2)],
  ])('%s and asks for another version later is told to be created again', (_, old) => {
    const asked = change(old, (copy) =>
      Object.assign(copy.metadata.annotations ?? {}, { 'lockkeeper.dev/schema-version': '3' }),
    )
    const result = arrive(asked, old, world(3))
    expect(result.patch).toEqual([])
    expect(messageOf(result)).toContain('a Job keeps the container it was created with')
    expect(messageOf(result)).toContain('fix: delete it and create it again')
  })

  test('without a name is known by what its names begin with, before and after Kubernetes made one up', () => {
    const { name: _, ...metadata } = manifest('Job', 2).metadata
    const nameless: Manifest = { ...manifest('Job', 2), metadata: { ...metadata, generateName: 'load-' } }
    const { patch, warnings, verdict } = arrive(nameless, undefined, {
      ...world(2),
      after: (object) => change(object, (copy) => Object.assign(copy.metadata, { name: 'load-x7k2p' })),
    })
    expect(verdict.allowed).toBe(true)
    expect(JSON.stringify(patch)).toContain('"value":"shop/Job/load-*"')
    expect(warnings[0]).toContain('shop/Job/load-x7k2p: ')
    const denied = arrive(nameless, undefined, { source: gone })
    expect(messageOf(denied)).toContain('schema version 2 of shop/load-* is refused')
  })
})

describe('a CronJob', () => {
  test.each(['metadata', 'template'] as const)(
    'with its intent on the %s makes Jobs that are left alone, silently',
    (on) => {
      const cronJob = stored(manifest('CronJob', 2, { on }))
      const job = jobFrom(cronJob, 'orders-manual')
      const { patch, warnings, verdict, object } = arrive(job, undefined, { source: gone })
      expect([patch, warnings, verdict.allowed]).toEqual([[], [], true])
      expect(envOf(object).LOCKKEEPER_WORKLOAD).toBe('shop/CronJob/orders')
    },
  )

  test('that was never equipped makes Jobs that ask in vain: they say so', () => {
    const job = jobFrom(manifest('CronJob', 2, { on: 'template' }), 'orders-manual')
    const { patch, warnings } = arrive(job, undefined, world(2))
    expect(patch).toEqual([])
    expect(warnings.join('\n')).toContain('owned-by-controller: CronJob/orders owns this workload')
  })

  test('never takes the schema down, whatever the namespace says', () => {
    const always = shop({ 'lockkeeper.dev/on-rollback': 'always' })
    const second = arrive(manifest('CronJob', 3), undefined, { ...world(3), namespace: always }).object
    expect(envOf(second).LOCKKEEPER_ON_ROLLBACK).toBe('keep')
    const given = applyClientSide(second, manifest('CronJob', 3), manifest('CronJob', 2))
    const { warnings } = arrive(given, second, { ...world(2, 2000), namespace: always })
    expect(warnings).toEqual(['shop/CronJob/orders: asks for 2 again, and the schema stays at 3'])
    expect(
      envOf(arrive(manifest('StatefulSet', 3), undefined, { ...world(3), namespace: always }).object),
    ).toMatchObject({
      LOCKKEEPER_ON_ROLLBACK: 'always',
    })
  })
})

describe('a workload that a controller owns', () => {
  test.each(kinds)('%s is warned about and not equipped', (kind) => {
    const owned = change(manifest(kind, 2), (copy) => {
      copy.metadata.ownerReferences = [
        { kind: 'ReplicaSet', name: 'x' },
        { controller: true, kind: 'Cluster', name: 'main' },
      ]
    })
    const { patch, warnings, verdict } = arrive(owned, undefined, { source: gone })
    expect([patch, verdict.allowed]).toEqual([[], true])
    expect(warnings).toEqual([
      'owned-by-controller: Cluster/main owns this workload and would take the migration container away',
      '  fix: write the annotations on Cluster/main instead',
    ])
    const referenced = change(owned, (copy) => {
      copy.metadata.ownerReferences = [{ kind: 'Cluster', name: 'main' }]
    })
    expect(ours(stored(referenced))).toBeDefined()
  })
})

describe('a Rollout', () => {
  const referring = change(manifest('Rollout', 2), (copy) => {
    delete copy.spec.template
    copy.spec.workloadRef = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'orders' }
  })

  test('that takes the template of a Deployment is told to annotate that', () => {
    for (const old of [undefined, referring]) {
      const { patch, warnings, verdict } = arrive(referring, old, { source: gone })
      expect([patch, verdict.allowed]).toEqual([[], true])
      expect(warnings.join('\n')).toContain('since the pod template is that of Deployment/orders')
      expect(warnings.join('\n')).toContain('write them on Deployment/orders')
    }
  })

  test('that takes it and asks for nothing hears nothing', () => {
    const silent = change(referring, (copy) => delete copy.metadata.annotations)
    expect(arrive(silent, undefined, { source: gone }).warnings).toEqual([])
  })

  test.each([
    ['lists that are null', { initContainers: null, volumes: null }, undefined],
    ['metadata that is null', {}, null],
    ['annotations that are null', {}, { annotations: null }],
    ['lists that are empty', { initContainers: [], volumes: [] }, {}],
  ])('with %s, which no schema has looked at yet, is equipped', (_, pod, metadata) => {
    const given = change(manifest('Rollout', 2, { pod }), (copy) => Object.assign(templateOf(copy), { metadata }))
    const object = stored(given)
    expect(ours(object)).toBeDefined()
    expect(arrive(object, object, { source: gone }).patch).toEqual([])
    const dropped = change(object, (copy) => delete copy.metadata.annotations)
    expect(ours(arrive(dropped, object, { source: gone }).object)).toBeUndefined()
  })

  test('whose shape its schema will refuse is left to that', () => {
    for (const pod of [{ initContainers: [5] }, { volumes: 'none' }, { containers: null }, { securityContext: 1 }]) {
      const { patch, verdict } = arrive(manifest('Rollout', 2, { pod }), undefined, { source: gone })
      expect([patch, verdict.allowed]).toEqual([[], true])
    }
  })
})
