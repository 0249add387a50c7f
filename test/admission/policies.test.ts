import { describe, expect, test } from 'vitest'
import { gone, shop, source } from '../tools/admission.ts'
import { release } from '../tools/example-files.ts'
import type { Files } from '../tools/runner.ts'
import { type Arrived, arrive, type Circumstances } from './recorded/api-server.ts'
import { applyClientSide, setEnv, setSpec, undoDeployment } from './recorded/clients.ts'
import { change, envOf, type Manifest, manifest, ours, statusOf, templateOf } from './recorded/objects.ts'

const key = (name: string) => `lockkeeper.dev/${name}`
const v = (version: number, annotations: Record<string, string> = {}) =>
  manifest('Deployment', version, { annotations })
const world = (
  files: Files,
  namespace: Record<string, string> = {},
  more: Partial<Circumstances> = {},
): Circumstances => ({
  source: source(files),
  namespace: shop(namespace),
  now: 9000,
  ...more,
})
const two = arrive(v(2), undefined, world(release(2), {}, { now: 2000 })).object
const three = arrive(applyClientSide(two, v(2), v(3)), two, world(release(3), {}, { now: 3000 })).object
const errors = ({ verdict }: Arrived) =>
  verdict.findings.filter(({ severity }) => severity === 'error').map(({ code }) => code)
const messageOf = ({ verdict }: Arrived) => (verdict.allowed ? '' : verdict.message)
const oneWay: Files = { ...release(2), '3_x.up.sql': 'SELECT 1;' }
const irreversible: Files = {
  ...release(2),
  '3_x.up.sql': '-- lockkeeper: irreversible it deletes\nSELECT 1;',
  '3_x.down.sql': 'SELECT 1;',
}
const toThree = (files: Files, namespace: Record<string, string> = {}, more: Partial<Circumstances> = {}) =>
  arrive(applyClientSide(two, v(2), v(3)), two, world(files, namespace, more))

describe('a default on the namespace', () => {
  const defaults: [key: string, value: string, variable: string, expected: string][] = [
    [key('set'), 'billing', 'LOCKKEEPER_SET', 'billing'],
    [key('format'), 'golang-migrate', 'LOCKKEEPER_FORMAT', 'golang-migrate'],
    [key('on-rollback'), 'keep', 'LOCKKEEPER_ON_ROLLBACK', 'keep'],
    ['config.lockkeeper.dev/deadline', '9m', 'LOCKKEEPER_DEADLINE', '9m'],
    ['config.lockkeeper.dev/lock-timeout', '2s', 'LOCKKEEPER_LOCK_TIMEOUT', '2s'],
    ['config.lockkeeper.dev/role', 'owner', 'LOCKKEEPER_ROLE', 'owner'],
    ['config.lockkeeper.dev/history-schema', 'locks', 'LOCKKEEPER_HISTORY_SCHEMA', 'locks'],
  ]
  test.each(defaults)(
    '%s: %s reaches the runner with the next change of the template, and no sooner',
    (name, value, variable, expected) => {
      const changed = { [name]: value }
      expect(envOf(arrive(v(2), undefined, world(release(2), changed)).object)[variable]).toBe(expected)
      const scaled = arrive(setSpec(two, { replicas: 9 }), two, world(release(2), changed))
      expect([scaled.patch, scaled.verdict.allowed]).toEqual([[], true])
      const hotfix = arrive(setEnv(two, 'LOG', 'debug'), two, world(release(2), changed))
      expect(envOf(hotfix.object)[variable]).toBe(expected)
      expect(statusOf(hotfix.object).token).toBe(9000)
    },
  )

  test('serves for migrations and database too', () => {
    const bare = change(v(2), (copy) => {
      copy.metadata.annotations = { [key('schema-version')]: '2' }
    })
    const defaults = { [key('migrations')]: 'orders-migrations', [key('database')]: 'secret/shared#uri' }
    const { object, verdict } = arrive(bare, undefined, world(release(2), defaults))
    expect(verdict.allowed).toBe(true)
    expect(JSON.stringify(templateOf(object).spec.volumes)).toContain('"name":"shared"')
  })

  test('cannot be a target or an excuse: both are pointed to the workload', () => {
    const { verdict } = arrive(
      v(2),
      undefined,
      world(release(2), { [key('schema-version')]: '9', [key('break-glass')]: '2 x' }),
    )
    expect(verdict.allowed).toBe(true)
    expect(verdict.findings.map(({ code, message }) => `${code} ${message}`)).toEqual([
      'annotation-unknown lockkeeper.dev/schema-version counts on the workload only',
      'annotation-unknown lockkeeper.dev/break-glass counts on the workload only',
    ])
  })
})

describe('deny-findings', () => {
  const up =
    (own: Record<string, string>, files: Files, more: Partial<Circumstances> = {}) =>
    (namespace: Record<string, string>) =>
      arrive(applyClientSide(two, v(2), v(3, own)), two, world(files, namespace, more))
  const back = (onRollback: string) => (namespace: Record<string, string>) =>
    arrive(undoDeployment(three, two), three, world(release(3), { [key('on-rollback')]: onRollback, ...namespace }))
  const listed: [code: string, arrival: (namespace: Record<string, string>) => Arrived][] = [
    ['annotation-unknown', up({ [key('sett')]: 'x' }, release(3))],
    ['deadline-long', up({ 'config.lockkeeper.dev/deadline': '1h' }, release(3))],
    ['database-missing', up({}, release(3), { secretKeys: 'missing' })],
    ['migration-changed', up({}, { ...release(3), '1_create_orders.up.sql': 'SELECT 1;' })],
    [
      'version-out-of-order',
      (namespace) => {
        const files = (...numbers: number[]) =>
          Object.fromEntries(
            numbers.flatMap((n) => ['up', 'down'].map((way) => [`${n}_x.${way}.sql`, 'SELECT 1;'] as const)),
          )
        const gap = arrive(v(3), undefined, world(files(1, 3))).object
        return arrive(applyClientSide(gap, v(3), v(4)), gap, world(files(1, 2, 3, 4), namespace))
      },
    ],
    ['schema-ahead-incompatible', back('auto')],
    ['rollback-data-loss', back('always')],
    [
      'rollback-impossible',
      (namespace) => {
        const always = { [key('on-rollback')]: 'always', ...namespace }
        const { '3_rename_note.down.sql': _, ...files } = release(3)
        return arrive(undoDeployment(three, two), three, world(files, always))
      },
    ],
    [
      'target-lowered',
      (namespace) =>
        arrive(
          applyClientSide(
            three,
            v(3),
            change(v(2), (copy) => {
              templateOf(copy).spec.containers[0].image = 'orders:3'
            }),
          ),
          three,
          world(release(3), namespace),
        ),
    ],
    [
      'intent-dropped',
      (namespace) =>
        arrive(
          change(two, (copy) => delete copy.metadata.annotations),
          two,
          world(release(2), namespace),
        ),
    ],
    [
      'owned-by-controller',
      (namespace) =>
        arrive(
          change(v(2), (copy) => {
            copy.metadata.ownerReferences = [{ controller: true, kind: 'Cluster', name: 'main' }]
          }),
          undefined,
          world(release(2), namespace),
        ),
    ],
  ]
  test('refuses a statement too long to be judged where it names a code of the SQL, since anything may be in it', () => {
    const long = { ...release(3), '3_x.up.sql': `DO $$ BEGIN ${'x'.repeat(256 * 1024)} DROP TABLE orders; END $$;` }
    delete (long as Record<string, string>)[Object.keys(release(3)).find((name) => /^3_.*up/.test(name)) ?? '']
    const arrival = (denied: string) => up({}, long)({ [key('deny-findings')]: denied })
    expect(errors(arrival('rollback-empty')).join()).not.toContain('sql-too-long')
    expect(errors(arrival('drop-loses-data')).join()).toContain('sql-too-long')
  })

  test.each(listed)('turns the warning %s into a denial that names the policy, and no other', (code, arrival) => {
    const warned = arrival({})
    expect(warned.verdict.allowed, messageOf(warned)).toBe(true)
    expect(warned.verdict.findings.map((finding) => finding.code)).toContain(code)
    expect(arrival({ [key('deny-findings')]: 'source-too-large' }).verdict.allowed).toBe(true)
    const denied = arrival({ [key('deny-findings')]: ` rollback-empty, ${code} ,` })
    expect(errors(denied)).toEqual([code])
    expect(messageOf(denied)).toContain(`  ${code}  `)
    expect(messageOf(denied).split('\n').at(-1)).toBe(
      `No pod was changed. Policy: deny-findings=${code} on namespace shop.`,
    )
  })

  test('asks for down scripts where rollback-policy is off, and for a reason where irreversible is allowed', () => {
    const off = { [key('rollback-policy')]: 'off' }
    expect(toThree(oneWay, off).verdict.allowed).toBe(true)
    expect(errors(toThree(oneWay, { ...off, [key('deny-findings')]: 'rollback-missing' }))).toEqual([
      'rollback-missing',
    ])
    expect(errors(toThree(release(3), { ...off, [key('deny-findings')]: 'rollback-missing' }))).toEqual([])
    const allowed = { [key('allow-irreversible')]: 'true' }
    expect(toThree(irreversible, allowed).verdict.allowed).toBe(true)
    expect(errors(toThree(irreversible, { ...allowed, [key('deny-findings')]: 'rollback-irreversible' }))).toEqual([
      'rollback-irreversible',
    ])
  })

  test('leaves what a dry run cannot know a warning, and denies there what it can', () => {
    const dry = { dryRun: true }
    const missing = { secretKeys: 'missing' as const, ...dry }
    expect(errors(up({}, release(3), missing)({ [key('deny-findings')]: 'database-missing' }))).toEqual([])
    const long = up({ 'config.lockkeeper.dev/deadline': '1h' }, release(3), dry)
    expect(errors(long({ [key('deny-findings')]: 'deadline-long' }))).toEqual(['deadline-long'])
  })

  test('denies no way back for what only the database knows', () => {
    const listed = { [key('deny-findings')]: 'source-missing,target-unknown,rollback-missing' }
    const { verdict } = arrive(undoDeployment(three, two), three, { ...world({}, listed), source: gone })
    expect(verdict.allowed).toBe(true)
  })

  test('with a code that does not exist is a warning with the nearest one, and denies nothing', () => {
    const { verdict, warnings } = toThree(release(3), { [key('deny-findings')]: 'rollback-mising,deadline-long' })
    expect(verdict.allowed).toBe(true)
    expect(warnings.join('\n')).toContain(
      'lockkeeper.dev/deny-findings names "rollback-mising", which is no code\n  fix: did you mean rollback-missing?',
    )
  })

  test('is handed to the runner', () => {
    const { object } = toThree(release(3), { [key('deny-findings')]: 'deadline-long, target-lowered' })
    expect(envOf(object).LOCKKEEPER_DENY_FINDINGS).toBe('deadline-long,target-lowered')
  })
})

describe('rollback-policy, baseline-version, allow-irreversible', () => {
  const none: Files = {
    '1_a.up.sql': 'SELECT 1;',
    '2_b.up.sql': 'SELECT 1;',
    '3_c.up.sql': 'SELECT 1;',
    '3_c.down.sql': 'SELECT 1;',
  }
  test.each([
    ['without one', {}, ['rollback-missing', 'rollback-missing']],
    ['up to 1', { [key('baseline-version')]: '1' }, ['rollback-missing']],
    ['up to 2', { [key('baseline-version')]: '2' }, []],
    ['up to 2.0, which is 2', { [key('baseline-version')]: '02.0' }, []],
  ])('an application that begins with a baseline, %s', (_, namespace, expected) => {
    expect(errors(arrive(v(3), undefined, world(none, namespace)))).toEqual(expected)
  })

  test('after a first release only what is new is asked for a way back', () => {
    const first = arrive(v(2), undefined, world(none, { [key('baseline-version')]: '2' })).object
    expect(errors(arrive(applyClientSide(first, v(2), v(3)), first, world(none)))).toEqual([])
  })

  test.each([
    ['require', ['rollback-missing']],
    ['off', []],
  ])('rollback-policy %s', (policy, expected) => {
    const result = toThree(oneWay, { [key('rollback-policy')]: policy })
    expect(errors(result)).toEqual(expected)
    if (expected.length > 0) expect(messageOf(result)).toContain(`Policy: rollback-policy=${policy} on namespace shop.`)
    expect(envOf(result.object).LOCKKEEPER_ROLLBACK_POLICY).toBe(policy)
  })

  test('below-floor reaches the runner where it asks for the strict form', () => {
    const below = (value: string) =>
      envOf(toThree(release(3), { [key('below-floor')]: value }).object).LOCKKEEPER_BELOW_FLOOR
    expect([below('refuse'), below('warn')]).toEqual(['refuse', undefined])
  })

  test('allow-irreversible lets through what says so itself, and shows it', () => {
    expect(errors(toThree(irreversible))).toEqual(['rollback-irreversible'])
    const shown = toThree(irreversible, { [key('allow-irreversible')]: 'true' })
    expect(errors(shown)).toEqual([])
    expect(shown.warnings.join('\n')).toContain('rollback-irreversible: 3_x.up.sql cannot be undone: it deletes')
    expect(envOf(shown.object).LOCKKEEPER_ALLOW_IRREVERSIBLE).toBe('true')
  })

  test('none of them counts on the workload', () => {
    const own = { [key('rollback-policy')]: 'off', [key('allow-irreversible')]: 'true', [key('baseline-version')]: '9' }
    const result = arrive(applyClientSide(two, v(2), v(3, own)), two, world(oneWay))
    expect(errors(result)).toEqual(['rollback-missing'])
    expect(
      result.verdict.findings.filter(({ message }) => message.endsWith('counts on the namespace only')),
    ).toHaveLength(3)
  })
})

describe('break-glass', () => {
  const permitted = { [key('allow-break-glass')]: 'true' }
  const excuse = (text: string) => ({ [key('break-glass')]: text })
  const go = (
    from: Manifest,
    text: string,
    version = 3,
    namespace: Record<string, string> = permitted,
    files = oneWay,
  ) => arrive(applyClientSide(from, v(2), v(version, excuse(text))), from, world(files, namespace))
  const used = go(two, '3 the shop is down')

  test('lets one update to one target through, with a warning, an audit annotation and word to the runner', () => {
    expect(used.verdict).toMatchObject({ allowed: true, audit: { 'break-glass': '3 the shop is down' } })
    expect(used.warnings.join('\n')).toContain('break-glass: in force for 3: the shop is down')
    expect(used.warnings.join('\n')).toContain('rollback-missing: 3_x.up.sql has no down script')
    expect(envOf(used.object).LOCKKEEPER_BREAK_GLASS).toBe('3')
  })

  test.each([
    ['the namespace does not permit it', '3 x', {}, 'the namespace does not permit it'],
    ['it names another version', '2 x', permitted, 'it names 2, and the target is 3'],
  ])('is not in force, and says so, where %s', (_, text, namespace, why) => {
    const result = go(two, text, 3, namespace)
    expect(errors(result)).toEqual(['rollback-missing'])
    expect(result.verdict.audit).toEqual({})
    expect(result.warnings.join('\n')).toContain(`break-glass: it is not in force: ${why}`)
    expect(envOf(result.object).LOCKKEEPER_BREAK_GLASS).toBeUndefined()
  })

  test.each(['3 the shop is down', '03  the shop is down', '3.0 x'])(
    '"%s" that was there before the update excuses nothing',
    (text) => {
      const before = change(two, (copy) => Object.assign(copy.metadata.annotations ?? {}, excuse(text)))
      const result = go(before, text)
      expect(errors(result)).toEqual(['rollback-missing'])
      expect(result.warnings.join('\n')).toContain('it was there before this update')
      expect(go(before, `${text}, again`).verdict.allowed).toBe(true)
    },
  )

  test('does not come back with an undo', () => {
    const four: Files = { ...oneWay, '4_y.up.sql': 'SELECT 1;', '4_y.down.sql': 'SELECT 1;' }
    const back = arrive(undoDeployment(used.object, two), used.object, world(oneWay, permitted, { now: 10_000 })).object
    const again = arrive(undoDeployment(back, used.object), back, world(oneWay, permitted, { now: 11_000 }))
    expect(errors(again)).toEqual(['rollback-missing'])
    expect(again.warnings.join('\n')).toContain('break-glass: it is not in force: an undo brought it back')
    expect(envOf(again.object).LOCKKEEPER_BREAK_GLASS).toBeUndefined()
    expect(again.verdict.audit).toEqual({})
    const next = arrive(applyClientSide(used.object, v(3), v(4)), used.object, world(four, permitted))
    expect(errors(next)).toEqual([])
  })

  test('stays in force when our webhook is called again, and when the next update takes it away nothing rolls', () => {
    const given = applyClientSide(two, v(2), v(3, excuse('3 x')))
    const twice = arrive(given, two, world(oneWay, permitted, { again: { now: 9500 } }))
    expect([twice.secondPatch, twice.verdict.allowed]).toEqual([[], true])
    const over = change(used.object, (copy) => delete copy.metadata.annotations?.[key('break-glass')])
    expect(arrive(over, used.object, world(oneWay)).patch).toEqual([])
  })

  test('excuses what deny-findings lists, but no files that cannot run', () => {
    const namespace = { ...permitted, [key('deny-findings')]: 'break-glass,migration-changed' }
    const changed = { ...oneWay, '1_create_orders.up.sql': 'SELECT 1;' }
    expect(go(two, '3 x', 3, namespace, changed).verdict.allowed).toBe(true)
    expect(errors(go(two, '4 x', 4))).toEqual(['target-unknown'])
  })

  test('with a reason of any length and content stays one short line', () => {
    const result = go(two, `3 ${'\u001b[31m\n\u202e'.repeat(5000)}`)
    expect(result.verdict.allowed).toBe(true)
    expect(result.verdict.audit['break-glass']?.length).toBeLessThanOrEqual(500)
    expect(JSON.stringify([result.warnings, result.verdict.audit])).not.toMatch(/\\u001b|\\n|\u202e/)
  })
})

describe('a mesh', () => {
  test('is said beside the plan, while pods are made, and never denies', () => {
    const meshed = { ...shop(), labels: { ...shop().labels, 'istio-injection': 'enabled' } }
    const created = arrive(v(2), undefined, { source: source(release(2)), namespace: meshed })
    expect(created.verdict.allowed).toBe(true)
    expect(created.warnings.slice(-3)[0]).toContain("Istio's proxy may start after lockkeeper-migrate")
    expect(ours(created.object)).toBeDefined()
    const scaled = arrive(setSpec(created.object, { replicas: 3 }), created.object, { source: gone, namespace: meshed })
    expect(scaled.warnings).toEqual([])
  })
})
