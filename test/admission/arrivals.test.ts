import { describe, expect, test } from 'vitest'
import { gone, shop, source } from '../tools/admission.ts'
import { release } from '../tools/example-files.ts'
import { type Arrived, arrive, type Circumstances } from './recorded/api-server.ts'
import {
  applyClientSide,
  applyServerSide,
  edit,
  helm3,
  patchJson,
  patchMerge,
  patchStrategic,
  replace,
  restart,
  setEnv,
  setImage,
  setSpec,
  undoDeployment,
  undoTemplate,
} from './recorded/clients.ts'
import { change, intentFor, kinds, type Manifest, manifest, ours, statusOf, templateOf } from './recorded/objects.ts'

/** In which situation an object arrived, what the mutation made of it, and what the verdict was, in one line. */
function told({ situation, object, verdict, patch }: Arrived, old: Manifest | undefined): string {
  const [now, before] = [statusOf(object), old === undefined ? {} : statusOf(old)]
  const token = now.token === before.token ? 'its token' : 'a new token'
  const effect =
    patch.length === 0
      ? 'nothing to do'
      : ours(object) === undefined
        ? 'taken out'
        : old !== undefined && JSON.stringify(templateOf(object)) === JSON.stringify(templateOf(old))
          ? 'put back'
          : `built for ${now.target} with ${token}`
  const denied = verdict.findings.filter(({ severity }) => severity === 'error').map(({ code }) => code)
  return `${situation}, ${effect}, ${verdict.allowed ? 'allowed' : `denied: ${denied.join(' ')}`}`
}

const world = (version: 0 | 1 | 2 | 3, now: number, more: Partial<Circumstances> = {}): Circumstances => ({
  source: source(release(version)),
  now,
  ...more,
})
const v = (version: number) => manifest('Deployment', version)
const stored = (given: Arrived): Manifest => given.object
/** Three revisions of one Deployment, as client-side applies leave them. */
const one = stored(arrive(applyClientSide(v(1), v(1), v(1)), undefined, world(1, 1000)))
const two = stored(arrive(applyClientSide(one, v(1), v(2)), one, world(2, 2000)))
const three = stored(arrive(applyClientSide(two, v(2), v(3)), two, world(3, 3000)))
/** What no change of ours may depend on: the ConfigMap is gone, Lockkeeper was upgraded, the clock is late. */
const later: Circumstances = { source: gone, now: 10, runnerImage: 'lockkeeper/runner:2' }
const annotate = (version: number) => ({ metadata: { annotations: intentFor(version) } })

/** What most arrivals come to. */
const nextRelease = 'build, built for 3 with a new token, allowed'
const wayBack = 'build, built for 2 with a new token, allowed'
const asItWas = 'carried, nothing to do, allowed'
const putBack = 'carried, put back, allowed'
/** Its owner changed the pods, and asks for nothing new of the database. */
const hotfix = 'build, built for 2 with its token, allowed'

type Row = [arrival: string, object: Manifest, old: Manifest | undefined, world: Circumstances, told: string]
const test3 = world(3, 9)
const withWarmUp = manifest('Deployment', 2, { pod: { initContainers: [{ name: 'warm-up' }] } })
const warm = stored(arrive(withWarmUp, undefined, world(2, 2000)))
const paused = setSpec(two, { paused: true })
const undone = stored(arrive(undoDeployment(three, two), three, world(2, 4000)))
const initContainers = { spec: { template: { spec: { initContainers: [] } } } }

describe('a Deployment arrives', () => {
  const made: Row[] = [
    ['kubectl create', v(2), undefined, world(2, 1), 'build, built for 2 with a new token, allowed'],
    ['kubectl apply, the first', applyClientSide(v(2), v(2), v(2)), undefined, world(2, 1), wayBack],
    ['helm install', v(2), undefined, world(2, 1), wayBack],
    ['a copy of what was stored an hour ago', two, undefined, world(2, 3_700_000), wayBack],
  ]
  const released: Row[] = [
    ['kubectl apply', applyClientSide(two, v(2), v(3)), two, test3, nextRelease],
    ['kubectl apply --server-side', applyServerSide(two, v(2), v(3)), two, test3, nextRelease],
    ['kubectl replace', replace(two, v(3)), two, test3, nextRelease],
    ['kubectl patch', patchStrategic(two, annotate(3)), two, test3, nextRelease],
    ['kubectl patch --type=merge', patchMerge(two, annotate(3)), two, test3, nextRelease],
    ['kubectl patch --type=json', patchJson(two, [target(3)]), two, test3, nextRelease],
    ['kubectl edit', edit(two, (copy) => Object.assign(copy.metadata, v(3).metadata)), two, test3, nextRelease],
    ['helm 3 upgrade', helm3(two, v(2), v(3)), two, test3, nextRelease],
    ['helm 3 upgrade --force', replace(two, v(3)), two, test3, nextRelease],
    ['helm 4 upgrade, Flux, Argo CD', applyServerSide(two, v(2), v(3)), two, test3, nextRelease],
    [
      'kubectl apply while it is paused',
      setSpec(applyClientSide(two, v(2), v(3)), { paused: true }),
      two,
      test3,
      nextRelease,
    ],
    [
      'kubectl apply before its ConfigMap',
      applyClientSide(two, v(2), v(3)),
      two,
      world(2, 9),
      'build, built for 3 with a new token, denied: target-unknown',
    ],
    ['kubectl apply --dry-run=server', applyClientSide(two, v(2), v(3)), two, { ...test3, dryRun: true }, nextRelease],
    [
      'kubectl diff before its ConfigMap',
      applyClientSide(two, v(2), v(3)),
      two,
      { ...world(2, 9), dryRun: true },
      nextRelease,
    ],
  ]
  const back: Row[] = [
    ['kubectl rollout undo', undoDeployment(three, two), three, world(2, 9), wayBack],
    [
      'kubectl rollout undo --to-revision=1',
      undoDeployment(three, one),
      three,
      world(1, 9),
      'build, built for 1 with a new token, allowed',
    ],
    ['kubectl rollout undo without any ConfigMap', undoDeployment(three, two), three, later, wayBack],
    ['kubectl rollout undo of an undo', undoDeployment(undone, three), undone, test3, nextRelease],
    ['helm 3 rollback', helm3(three, v(3), v(2)), three, world(2, 9), wayBack],
    ['helm 4 rollback', applyServerSide(three, v(3), v(2)), three, world(2, 9), wayBack],
    ['kubectl apply of the old manifest', applyClientSide(three, v(3), v(2)), three, world(2, 9), wayBack],
  ]
  const same: Row[] = [
    ['kubectl apply again', applyClientSide(two, v(2), v(2)), two, later, asItWas],
    ['kubectl apply --server-side again', applyServerSide(two, v(2), v(2)), two, later, asItWas],
    ['helm 3 upgrade without a change', helm3(two, v(2), v(2)), two, later, asItWas],
    ['kubectl replace by the same manifest', replace(two, v(2)), two, later, putBack],
    ['replicas in a manifest', setSpec(two, { replicas: 9 }), two, later, asItWas],
    ['kubectl rollout pause', paused, two, later, asItWas],
    ['kubectl rollout resume', two, paused, later, asItWas],
    [
      'kubectl label',
      edit(two, (copy) => Object.assign(copy.metadata, { labels: { team: 'a' } })),
      two,
      later,
      asItWas,
    ],
    [
      'a deletion that waits',
      edit(two, (copy) => Object.assign(copy.metadata, { deletionTimestamp: 'now' })),
      two,
      later,
      'ignore, nothing to do, allowed',
    ],
  ]
  const edited: Row[] = [
    [
      'kubectl set image',
      setImage(two, 'orders:hotfix'),
      two,
      world(2, 9, { runnerImage: 'lockkeeper/runner:2' }),
      hotfix,
    ],
    ["kubectl set env '*'", setEnv(two, 'LOG', 'debug'), two, world(2, 9), hotfix],
    ['kubectl apply with an init container more', applyClientSide(two, v(2), withWarmUp), two, world(2, 9), hotfix],
    ['kubectl rollout restart', restart(two, 'now'), two, world(2, 9), wayBack],
    ['kubectl rollout restart without the ConfigMap', restart(two, 'now'), two, later, 'build, nothing to do, allowed'],
    [
      'kubectl set env of our container',
      edit(two, (copy) => ours(copy).env.push({ name: 'A', value: 'b' })),
      two,
      later,
      putBack,
    ],
    [
      'kubectl apply that moves our container to the end',
      applyClientSide(warm, v(2), withWarmUp),
      warm,
      later,
      putBack,
    ],
    ['kubectl patch --type=merge of all init containers', patchMerge(two, initContainers), two, later, putBack],
    [
      'kubectl patch --type=json of our volume',
      patchJson(two, [{ op: 'remove', path: '/spec/template/spec/volumes/0' }]),
      two,
      later,
      putBack,
    ],
    [
      'kubectl annotate of our status away',
      edit(two, (copy) => delete templateOf(copy).metadata.annotations),
      two,
      later,
      putBack,
    ],
    [
      'kubectl annotate schema-version-',
      edit(two, (copy) => delete copy.metadata.annotations),
      two,
      later,
      'dropped, taken out, allowed',
    ],
  ]
  const expected = (_: string, object: Manifest, old: Manifest | undefined, given: Circumstances, line: string) => {
    const result = arrive(object, old, { ...given, again: {} })
    expect(told(result, old)).toBe(line)
    expect(result.secondPatch).toEqual([])
  }
  test.each(made)('for the first time by %s', expected)
  test.each(released)('with the next release by %s', expected)
  test.each(back)('with the release before by %s', expected)
  test.each(same)('without a change of its pods by %s', expected)
  test.each(edited)('with other pods by %s', expected)

  test('in two commands, and is undone one by one: each way back says what it goes back to', () => {
    const image = stored(arrive(setImage(two, 'orders:3'), two, world(2, 5000)))
    const both = stored(arrive(patchStrategic(image, annotate(3)), image, world(3, 6000)))
    expect(statusOf(both)).toMatchObject({ target: '3', token: 6000 })
    const first = arrive(undoDeployment(both, image), both, world(2, 7000))
    expect(told(first, both)).toBe(wayBack)
    expect(first.warnings.join('\n')).toContain('target-lowered: the target falls, but no image')
    const second = arrive(undoDeployment(first.object, two), first.object, world(2, 8000))
    expect(told(second, first.object)).toBe('build, built for 2 with its token, allowed')
    expect(templateOf(second.object).spec.containers[0].image).toBe('orders:2')
  })
})

describe('tools that ask before they act', () => {
  test('Flux: a dry run of everything, then everything, then no drift', () => {
    const given = applyServerSide(two, v(2), v(3))
    // A dry run stores no ConfigMap: the new version is in none.
    const asked = arrive(given, two, world(2, 5000, { dryRun: true }))
    expect(told(asked, two)).toBe(nextRelease)
    expect(asked.warnings.join('\n')).toContain('target-unknown')
    const first = arrive(v(3), undefined, { source: gone, dryRun: true })
    expect(first.verdict.allowed).toBe(true)
    const acted = arrive(given, two, world(3, 6000))
    expect(told(acted, two)).toBe(nextRelease)
    const again = arrive(applyServerSide(acted.object, v(3), v(3)), acted.object, world(3, 90_000, { dryRun: true }))
    expect(again.object).toEqual(acted.object)
  })

  test('Argo CD: what a server-side diff predicts differs from the live object in nothing but our parts', () => {
    const predicted = arrive(applyServerSide(two, v(2), v(3)), two, world(2, 5000, { dryRun: true })).object
    const bare = (object: Manifest) =>
      change(object, (copy) => {
        const { metadata, spec } = templateOf(copy)
        delete metadata.annotations
        delete spec.initContainers
        delete spec.volumes
        delete copy.metadata.annotations?.['kubectl.kubernetes.io/last-applied-configuration']
      })
    expect(bare(predicted)).toEqual(v(3))
    const synced = stored(arrive(applyServerSide(two, v(2), v(3)), two, world(3, 6000)))
    const diff = arrive(applyServerSide(synced, v(3), v(3)), synced, { ...later, dryRun: true })
    expect([diff.patch, diff.object]).toEqual([[], synced])
  })

  test('a dry run foretells the token that comes next, whatever the clock says', () => {
    const given = applyClientSide(two, v(2), v(3))
    const tokens = [5000, 777_777].map(
      (now) => statusOf(arrive(given, two, world(3, now, { dryRun: true })).object).token,
    )
    expect(tokens).toEqual([2001, 2001])
  })
})

describe('other webhooks', () => {
  const proxy = (object: Manifest) =>
    change(object, (copy) => {
      const { spec } = templateOf(copy)
      if (spec.containers.some(({ name }: { name: string }) => name === 'proxy')) return
      spec.containers = [{ name: 'proxy', image: 'proxy' }, ...spec.containers]
      spec.initContainers = [{ name: 'iptables' }, ...(spec.initContainers ?? [])]
    })
  test.each([
    ['before ours', { before: proxy }],
    ['after ours', { after: proxy }],
  ] as const)('that add containers %s, and a second round, leave our parts as they are', (_, webhooks) => {
    for (const again of [{ now: 9_000 }, { now: 99_000 }, { now: -81_000 }]) {
      for (const old of [undefined, two]) {
        const result = arrive(v(3), old, { ...test3, ...webhooks, now: 9000, again })
        expect(result.verdict.allowed, JSON.stringify(result.verdict)).toBe(true)
        expect(statusOf(result.object)).toMatchObject({ target: '3', token: 9000 })
        const names = templateOf(result.object).spec.initContainers.map(({ name }: { name: string }) => name)
        expect(names).toEqual(['lockkeeper-migrate', 'iptables'])
        expect(result.secondPatch?.filter((each) => JSON.stringify(each).includes('status'))).toEqual([])
      }
    }
  })

  test('that take our container out every time are found by the validation', () => {
    const after = (object: Manifest) => change(object, (copy) => delete templateOf(copy).spec.initContainers)
    expect(told(arrive(v(3), undefined, { ...test3, after }), undefined)).toContain('denied: not-injected')
  })

  test('of ours, two replicas with clocks 90 s apart, hand out growing tokens and change nothing of each other', () => {
    let live = stored(arrive(v(1), undefined, world(1, 1_000_000)))
    for (const [version, now] of [
      [2, 910_500],
      [3, 1_000_800],
      [2, 911_000],
      [3, 1_001_300],
    ] as const) {
      const again = { now: now > 950_000 ? now - 90_000 : now + 90_000 }
      const result = arrive(applyClientSide(live, live, v(version)), live, world(version, now, { again }))
      expect(result.secondPatch).toEqual([])
      expect(statusOf(result.object).token).toBeGreaterThan(statusOf(live).token)
      live = result.object
    }
    expect(arrive(live, live, { ...later, again: { now: 5 } }).patch).toEqual([])
  })
})

describe('the label of a namespace, taken away and given back', () => {
  const unlabelled = { ...shop(), labels: {} }
  const away = { ...later, namespace: unlabelled }

  test('finds a workload as it was: nothing rolls', () => {
    const meanwhile = stored(arrive(setSpec(two, { replicas: 5 }), two, away))
    expect(told(arrive(setSpec(meanwhile, { replicas: 6 }), meanwhile, later), meanwhile)).toBe(asItWas)
  })

  test('compares with what the status was built from, so a release that came meanwhile is caught up with', () => {
    const meanwhile = stored(arrive(applyClientSide(two, v(2), v(3)), two, away))
    expect(statusOf(meanwhile).target).toBe('2')
    const result = arrive(setSpec(meanwhile, { replicas: 6 }), meanwhile, world(3, 9000))
    expect(told(result, meanwhile)).toBe(nextRelease)
    expect(result.warnings[0]).toBe('shop/Deployment/orders: schema 2 to 3, 1 migration')
    const { '3_rename_note.down.sql': _, ...files } = release(3)
    const refused = arrive(setSpec(meanwhile, { replicas: 6 }), meanwhile, { source: source(files) })
    expect(told(refused, meanwhile)).toContain('denied: rollback-missing')
  })

  test('equips again what lost our parts meanwhile', () => {
    const meanwhile = stored(arrive(replace(two, v(2)), two, away))
    expect(ours(meanwhile)).toBeUndefined()
    expect(told(arrive(setSpec(meanwhile, { replicas: 6 }), meanwhile, world(2, 9000)), meanwhile)).toBe(wayBack)
  })
})

describe('every kind', () => {
  const changing = kinds.filter((kind) => kind !== 'Job')
  test.each(changing)('%s goes up, stays and comes back at the place of its own template', (kind) => {
    const created = arrive(manifest(kind, 2), undefined, world(2, 1000))
    expect(told(created, undefined)).toBe('build, built for 2 with a new token, allowed')
    expect(templateOf(created.object).spec.initContainers[0].name).toBe('lockkeeper-migrate')
    const scaled = setSpec(created.object, { minReadySeconds: 3 })
    expect(told(arrive(scaled, created.object, later), created.object)).toBe(asItWas)
    const next = arrive(applyClientSide(created.object, manifest(kind, 2), manifest(kind, 3)), created.object, test3)
    expect(told(next, created.object)).toBe(nextRelease)
    const old = applyServerSide(next.object, manifest(kind, 3), manifest(kind, 2))
    expect(told(arrive(old, next.object, world(2, 3000)), next.object)).toBe(wayBack)
  })

  test.each(changing.filter((kind) => kind !== 'Deployment' && kind !== 'CronJob'))(
    '%s: an undo brings intent on the template back with it',
    (kind) => {
      const from = (version: 1 | 2 | 3) => manifest(kind, version, { on: 'template' })
      const first = stored(arrive(from(2), undefined, world(2, 1000)))
      const next = stored(arrive(applyClientSide(first, from(2), from(3)), first, world(3, 2000)))
      expect(told(arrive(undoTemplate(next, first), next, world(2, 3000)), next)).toBe(wayBack)
    },
  )
})

function target(version: number) {
  return { op: 'replace', path: '/metadata/annotations/lockkeeper.dev~1schema-version', value: String(version) }
}
