import { describe, expect, test } from 'vitest'
import { admit, type Deployment, deployment, shop, source, statusOf } from '../tools/admission.ts'
import { arrive } from './recorded/api-server.ts'
import { change, manifest } from './recorded/objects.ts'

/** Version 3 renames what code of version 2 reads. */
const files = (upTo: number) =>
  Object.fromEntries(
    [
      ['1_t.up.sql', 'CREATE TABLE t (a int);'],
      ['1_t.down.sql', 'DROP TABLE t;'],
      ['2_b.up.sql', 'ALTER TABLE t ADD COLUMN b int;'],
      ['2_b.down.sql', 'ALTER TABLE t DROP COLUMN b;'],
      ['3_c.up.sql', 'ALTER TABLE t RENAME b TO c;'],
      ['3_c.down.sql', 'ALTER TABLE t RENAME c TO b;'],
      ['4_d.up.sql', 'ALTER TABLE t ADD COLUMN d int;'],
      ['4_d.down.sql', 'ALTER TABLE t DROP COLUMN d;'],
    ].filter(([name = '']) => Number(name[0]) <= upTo),
  )
const at = (version: number) => deployment({ 'lockkeeper.dev/schema-version': String(version) }, `orders:${version}`)
const world = (upTo = 4, now = 1000) => ({ source: source(files(upTo)), now })
const rollOut = (version: number, before: Deployment | undefined, namespace = shop()) =>
  admit(at(version), before, { ...world(4, 1000 * version), namespace })
const head = ({ warnings }: { warnings: readonly string[] }) => warnings.find((line) => line.startsWith('shop/'))

describe('the plan', () => {
  const two = rollOut(2, undefined)
  const three = rollOut(3, two.object)
  const back = rollOut(2, three.object)

  test('says of an undo that waits what will happen to it, before it and at it', () => {
    expect(three.warnings.join('\n')).toContain('an undo to 2 will be held')
    expect(back.verdict.allowed).toBe(true)
    expect(head(back)).toBe(
      'shop/Deployment/orders: asks for 2 again, and its pods wait where the schema is at 3 (on-rollback: auto)',
    )
  })

  test('remembers what a way back left in the schema', () => {
    expect(head(rollOut(3, back.object))).toBe(
      'shop/Deployment/orders: schema 2 (left at 3) to 3, 1 migration unless applied already',
    )
    expect(head(rollOut(4, back.object))).toBe(
      'shop/Deployment/orders: schema 2 (left at 3) to 4, 2 migrations unless applied already',
    )
    const further = rollOut(1, back.object)
    expect(statusOf(further.object).left).toBe('3')
    expect(head(rollOut(2, further.object))).toBe(
      'shop/Deployment/orders: schema 1 (left at 3) to 2, 1 migration unless applied already',
    )
    expect(statusOf(rollOut(3, back.object).object).left).toBeUndefined()
  })

  test('keeps it over a change of the image alone', () => {
    const hotfix = admit(
      deployment({ 'lockkeeper.dev/schema-version': '2' }, 'orders:2.1'),
      back.object,
      world(4, 9000),
    )
    expect(statusOf(hotfix.object).left).toBe('3')
    expect(statusOf(hotfix.object).token).toBe(statusOf(back.object).token)
  })

  test('forgets it where the down scripts run', () => {
    const always = shop({ 'lockkeeper.dev/on-rollback': 'always' })
    const down = rollOut(2, three.object, always)
    expect(statusOf(down.object).left).toBeUndefined()
    expect(head(rollOut(3, down.object, always))).toBe('shop/Deployment/orders: schema 2 to 3, 1 migration')
  })

  test('does not take what somebody wrote over the status for a version', () => {
    const edited = structuredClone(back.object)
    edited.spec.template.metadata.annotations['lockkeeper.dev/status'] = JSON.stringify({
      ...statusOf(back.object),
      left: 'all of it',
    })
    expect(head(rollOut(3, edited))).toBe('shop/Deployment/orders: schema 2 to 3, 1 migration')
  })
})

// biome-ignore lint/suspicious/noExplicitAny: tests reach into objects as their owner wrote them
type Spec = any

describe('a deadline that is longer than what Kubernetes waits', () => {
  const messages = ({ verdict }: ReturnType<typeof arrive>) =>
    verdict.findings.filter(({ code }) => code === 'deadline-long').map(({ message }) => message)
  const says = (key: string) => `the deadline of 10m is longer than ${key} 300`
  test.each<[kind: string, edit: (spec: Spec) => void, expected: string[]]>([
    ['Job', (spec) => Object.assign(spec, { activeDeadlineSeconds: 300 }), [says('activeDeadlineSeconds')]],
    ['Job', (spec) => Object.assign(spec, { activeDeadlineSeconds: 600 }), []],
    [
      'CronJob',
      (spec) => Object.assign(spec.jobTemplate.spec, { activeDeadlineSeconds: 300 }),
      [says('activeDeadlineSeconds')],
    ],
    [
      'Job',
      (spec) => Object.assign(spec.template.spec, { activeDeadlineSeconds: 300 }),
      [says('activeDeadlineSeconds of the pod template')],
    ],
    ['Deployment', (spec) => Object.assign(spec, { progressDeadlineSeconds: 300 }), [says('progressDeadlineSeconds')]],
    ['Deployment', (spec) => Object.assign(spec, { activeDeadlineSeconds: 300 }), []],
    ['Job', (spec) => Object.assign(spec, { activeDeadlineSeconds: '300' }), []],
  ])('is a warning on a %s (%#)', (kind, edit, expected) => {
    const object = change(manifest(kind, 2), (copy) => edit(copy.spec))
    expect(messages(arrive(object, undefined, world()))).toEqual(expected)
  })
})

describe('a source that is not there', () => {
  const missing = { kind: 'missing', configMap: 'orders-migrations' } as const
  const fixOf = (annotations: Record<string, string>, files = {}) => {
    const object = change(manifest('Job', 2, { annotations: { ...annotations, ...files } }), () => undefined)
    return arrive(object, undefined, { source: missing }).verdict.findings[0]?.fix ?? ''
  }
  test.each<[string, Record<string, string>, string]>([
    [
      'a hook of Helm',
      { 'helm.sh/hook': 'pre-install,pre-upgrade', 'helm.sh/hook-weight': '-5' },
      'make the ConfigMap orders-migrations a hook of lower weight, helm.sh/hook: pre-install,pre-upgrade and helm.sh/hook-weight: "-6": Helm applies ordinary objects only after it',
    ],
    [
      'a hook without a weight, for after the release too',
      { 'helm.sh/hook': 'post-install, pre-upgrade' },
      'make the ConfigMap orders-migrations a hook of lower weight, helm.sh/hook: pre-upgrade and helm.sh/hook-weight: "-1": Helm applies ordinary objects only after it',
    ],
    [
      'a hook of Argo CD',
      { 'argocd.argoproj.io/hook': 'PreSync', 'argocd.argoproj.io/sync-wave': '3' },
      'make the ConfigMap orders-migrations a hook of a lower wave, argocd.argoproj.io/hook: PreSync and argocd.argoproj.io/sync-wave: "2": Argo CD applies ordinary objects only after it',
    ],
    [
      'a hook with a weight that is none',
      { 'helm.sh/hook': 'pre-rollback', 'helm.sh/hook-weight': 'heavy' },
      'make the ConfigMap orders-migrations a hook of lower weight, helm.sh/hook: pre-rollback and helm.sh/hook-weight: "-1": Helm applies ordinary objects only after it',
    ],
  ])('is cured for %s by the order in which it is applied', (_, annotations, fix) => {
    expect(fixOf(annotations)).toBe(fix)
  })
  test.each<[string, Record<string, string>]>([
    ['a hook that comes after the release', { 'helm.sh/hook': 'post-install,post-upgrade' }],
    ['an ordinary object', {}],
    ['a hook that Argo CD runs after it', { 'argocd.argoproj.io/hook': 'PostSync' }],
  ])('is applied first for %s', (_, annotations) => {
    expect(fixOf(annotations)).toContain('apply the ConfigMap first')
  })
})
