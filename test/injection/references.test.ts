import { describe, expect, test } from 'vitest'
import { readDatabaseRef, readFilesRef } from '../../src/injection/references.ts'
import { readSettings } from '../../src/injection/settings.ts'
import type { Finding } from '../../src/migration/finding.ts'
import { deployment } from '../tools/admission.ts'

describe('the annotation migrations', () => {
  test.each<[string, object]>([
    ['orders', { kind: 'configmap', names: ['orders'] }],
    ['orders-migrations-7h2m4f8t5k', { kind: 'configmap', names: ['orders-migrations-7h2m4f8t5k'] }],
    ['configmap/a,b', { kind: 'configmap', names: ['a', 'b'] }],
    ['a,b.c', { kind: 'configmap', names: ['a', 'b.c'] }],
    ['image/orders', { kind: 'image', image: 'orders', path: '/migrations' }],
    ['image/orders:1.2', { kind: 'image', image: 'orders:1.2', path: '/migrations' }],
    ['image/registry:5000/a/b:1', { kind: 'image', image: 'registry:5000/a/b:1', path: '/migrations' }],
    ['image/registry:5000/a/b:/m', { kind: 'image', image: 'registry:5000/a/b', path: '/m' }],
    ['image/r.io/a@sha256:0f:/db/m', { kind: 'image', image: 'r.io/a@sha256:0f', path: '/db/m' }],
    ['container/orders:/app/db', { kind: 'container', container: 'orders', path: '/app/db' }],
  ])('%s is read', (text, expected) => {
    const findings: Finding[] = []
    expect(readFilesRef(text, findings)).toEqual(expected)
    expect(findings).toEqual([])
  })

  test.each([
    ...['', 'configmap/', 'Orders', 'a,a', 'a,', 'secret/a', Array.from({ length: 21 }, (_, i) => `m${i}`).join(',')],
    ...[
      'image/',
      'image/ a',
      'image/a:/m\n/etc',
      'image/a:/$(HOME)',
      'image/a:/m/../../etc',
      'image/a:/..',
      'image/-a',
    ],
    ...['container/orders', 'container/orders:app', 'container/Orders:/app', 'container/a:/b c', 'container/:/b'],
  ])('%j is a finding that says what may stand there', (text) => {
    const findings: Finding[] = []
    expect(readFilesRef(text, findings)).toBeUndefined()
    expect(findings).toMatchObject([
      { code: 'annotation-invalid', fix: expect.stringContaining('container/NAME:/PATH') },
    ])
  })

  test('of more than a name or a path may have is one too', () => {
    for (const text of [`image/${'a'.repeat(501)}`, `container/a:/${'b'.repeat(1024)}`]) {
      expect(readFilesRef(text, [])).toBeUndefined()
    }
  })

  test.each([
    ['image/a:/', undefined, 'annotation-invalid'],
    ['container/orders:/./', undefined, 'annotation-invalid'],
    ['image/a:/', 'true', undefined],
  ])('%s takes a whole image only as a volume (image-volume %s)', (migrations, imageVolume, code) => {
    const own = {
      ...deployment().metadata.annotations,
      'lockkeeper.dev/migrations': migrations,
      ...(imageVolume !== undefined && { 'config.lockkeeper.dev/image-volume': imageVolume }),
    }
    expect(readSettings(own, {}).findings[0]?.code).toBe(code)
  })

  test('with a catalogue beside ConfigMaps of files says that it does not count; as a namespace default it is silent', () => {
    const key = { 'lockkeeper.dev/catalogue': 'configmap/c' }
    const { annotations = {} } = deployment().metadata
    const { settings, findings } = readSettings({ ...annotations, ...key }, {})
    expect(findings).toMatchObject([{ code: 'annotation-unknown', severity: 'warning' }])
    expect(settings?.configMaps).toEqual(['orders-migrations'])
    expect(readSettings(annotations, key).findings).toEqual([])
    expect(readSettings({ ...annotations, 'lockkeeper.dev/catalogue': 'image/c' }, {}).findings).toMatchObject([
      { code: 'annotation-invalid', fix: 'write configmap/NAME' },
    ])
  })
})

describe('the annotation database', () => {
  test.each<[string, object]>([
    ['secret/orders-db', { kind: 'secret', name: 'orders-db', key: undefined }],
    ['secret/orders-db#uri', { kind: 'secret', name: 'orders-db', key: 'uri' }],
    ['secret/db#tls.fqdn-uri_1', { kind: 'secret', name: 'db', key: 'tls.fqdn-uri_1' }],
    [
      'secret/app.acid-minimal.credentials.postgresql.acid.zalan.do',
      { kind: 'secret', name: 'app.acid-minimal.credentials.postgresql.acid.zalan.do', key: undefined },
    ],
    ['env/orders:DATABASE_URL', { kind: 'env', container: 'orders', name: 'DATABASE_URL' }],
  ])('%s is read', (text, expected) => {
    const findings: Finding[] = []
    expect(readDatabaseRef(text, findings)).toEqual(expected)
    expect(findings).toEqual([])
  })

  test.each([
    undefined,
    '',
    'secret/',
    'secret/A',
    'secret/a/b',
    'secret/a#',
    'configmap/a',
    'env/a',
    'env/a:',
    'env/a:1X',
  ])('%j is a finding that says what may stand there', (text) => {
    const findings: Finding[] = []
    expect(readDatabaseRef(text, findings)).toBeUndefined()
    expect(findings).toMatchObject([{ code: 'annotation-invalid', fix: expect.stringContaining('env/CONTAINER:NAME') }])
  })
})
