import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { readConfig } from '../../sidecar/config.ts'
import { databaseMissing } from '../../src/admission/database-missing.ts'
import { readSettings } from '../../src/injection/settings.ts'
import { migrateVolume } from '../../src/injection/volume.ts'
import { deployment } from '../tools/admission.ts'

type Secret = Readonly<Record<string, string>>

const settingsFor = (database: string) => {
  const { settings } = readSettings({ ...deployment().metadata.annotations, 'lockkeeper.dev/database': database }, {})
  if (settings === undefined) throw new Error('no settings')
  return settings
}

interface Projected {
  readonly projected: {
    readonly sources: readonly {
      readonly secret?: { readonly items: readonly { readonly key: string; readonly path: string }[] }
    }[]
  }
}

/** What the runner makes of a Secret, by way of the files that the kubelet mounts for our volume. */
function targetOf(database: string, secret: Secret, env: Readonly<Record<string, string>> = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'lockkeeper-secret-'))
  const { sources } = (migrateVolume(settingsFor(database), []) as unknown as Projected).projected
  for (const { key, path } of sources.flatMap((source) => source.secret?.items ?? [])) {
    const value = secret[key]
    if (value !== undefined) writeFileSync(join(folder, path.replace(/^database\//, '')), value)
  }
  try {
    return readConfig({
      LOCKKEEPER_TARGET: '1',
      LOCKKEEPER_TOKEN: '1',
      LOCKKEEPER_CLUSTER: 'c',
      LOCKKEEPER_WORKLOAD: 'w',
      LOCKKEEPER_DATABASE_DIR: folder,
      ...env,
    }).database
  } catch (error) {
    throw error instanceof Error ? new Error(error.message.replaceAll(folder, 'DIR')) : error
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** As each of them writes it: keys and forms of its source code, names and passwords of an example. */
const recorded = {
  /** pkg/specs/secrets.go, 1.30: the Secret CLUSTER-app. */
  cloudNativePg: {
    username: 'app',
    user: 'app',
    password: 'Xk2/p%',
    dbname: 'shop',
    host: 'shop-db-rw',
    port: '5432',
    pgpass: 'shop-db-rw:5432:shop:app:Xk2/p%\n',
    uri: 'postgresql://app:Xk2%2Fp%25@shop-db-rw.shop:5432/shop',
    'jdbc-uri': 'jdbc:postgresql://shop-db-rw.shop:5432/shop?password=Xk2%2Fp%25&user=app',
    'fqdn-uri': 'postgresql://app:Xk2%2Fp%25@shop-db-rw.shop.svc.cluster.local:5432/shop',
    'fqdn-jdbc-uri': 'jdbc:postgresql://shop-db-rw.shop.svc.cluster.local:5432/shop?password=Xk2%2Fp%25&user=app',
  },
  /** internal/controller/postgrescluster/postgres.go, 5: the Secret CLUSTER-pguser-USER, with a pooler. */
  crunchy: {
    dbname: 'hippo',
    host: 'hippo-primary.shop.svc',
    'jdbc-uri': 'jdbc:postgresql://hippo-primary.shop.svc:5432/hippo?password=S3c&user=hippo',
    password: 'S3c',
    'pgbouncer-host': 'hippo-pgbouncer.shop.svc',
    'pgbouncer-jdbc-uri':
      'jdbc:postgresql://hippo-pgbouncer.shop.svc:5432/hippo?password=S3c&prepareThreshold=0&user=hippo',
    'pgbouncer-port': '5432',
    'pgbouncer-uri': 'postgresql://hippo:S3c@hippo-pgbouncer.shop.svc:5432/hippo',
    port: '5432',
    uri: 'postgresql://hippo:S3c@hippo-primary.shop.svc:5432/hippo',
    user: 'hippo',
    verifier: 'SCRAM-SHA-256$4096:x',
  },
  /** The same for a user whose spec lists no database: no URI, no dbname. */
  crunchyWithoutDatabase: {
    host: 'hippo-primary.shop.svc',
    password: 'S3c',
    'pgbouncer-host': 'hippo-pgbouncer.shop.svc',
    'pgbouncer-port': '5432',
    port: '5432',
    user: 'hippo',
    verifier: 'SCRAM-SHA-256$4096:x',
  },
  /** USER.CLUSTER.credentials.postgresql.acid.zalan.do. */
  zalando: { username: 'foo_user', password: 'Zal' },
  /** The chart's Secret RELEASE-postgresql. */
  bitnami: { 'postgres-password': 'adm', password: 'usr', 'replication-password': 'rpl' },
  /** serviceBindings.enabled: RELEASE-postgresql-svcbind-custom-user, type servicebinding.io/postgresql. */
  bitnamiServiceBinding: {
    provider: 'bitnami',
    type: 'postgresql',
    host: 'shop-postgresql',
    port: '5432',
    username: 'app',
    database: 'shop',
    password: 'usr',
    uri: 'postgresql://app:usr@shop-postgresql:5432/shop',
  },
} satisfies Record<string, Secret>
const without = (secret: Secret, ...keys: string[]): Secret =>
  Object.fromEntries(Object.entries(secret).filter(([key]) => !keys.includes(key)))

const at = (host: string, user: string, password: string, database: string) => ({
  hosts: [{ host, port: 5432 }],
  user,
  password,
  database,
  sslmode: 'prefer',
})

function messageOf(run: () => unknown): string {
  try {
    run()
    return 'nothing was thrown'
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

describe('a whole Secret', () => {
  const { cloudNativePg, crunchy, crunchyWithoutDatabase, zalando, bitnami, bitnamiServiceBinding } = recorded

  test.each<[string, Secret, object]>([
    ['of CloudNativePG', cloudNativePg, at('shop-db-rw.shop', 'app', 'Xk2/p%', 'shop')],
    [
      'of CloudNativePG without URIs',
      without(cloudNativePg, 'uri', 'fqdn-uri'),
      at('shop-db-rw', 'app', 'Xk2/p%', 'shop'),
    ],
    [
      'of CloudNativePG with the long URI alone',
      { 'fqdn-uri': cloudNativePg['fqdn-uri'] },
      at('shop-db-rw.shop.svc.cluster.local', 'app', 'Xk2/p%', 'shop'),
    ],
    ['of Crunchy goes past its pooler', crunchy, at('hippo-primary.shop.svc', 'hippo', 'S3c', 'hippo')],
    [
      'of Crunchy without a database means the one of the user’s name, as libpq does',
      crunchyWithoutDatabase,
      at('hippo-primary.shop.svc', 'hippo', 'S3c', 'hippo'),
    ],
    ['of a service binding', bitnamiServiceBinding, at('shop-postgresql', 'app', 'usr', 'shop')],
    [
      'of a service binding without its URI',
      without(bitnamiServiceBinding, 'uri'),
      at('shop-postgresql', 'app', 'usr', 'shop'),
    ],
    [
      'of Bitnami, with a host, a user and a database added',
      { ...bitnami, host: 'h', username: 'app', database: 'd' },
      at('h', 'app', 'usr', 'd'),
    ],
    [
      'that has the password of postgres alone is for that user',
      { 'postgres-password': 'adm', host: 'h', database: 'd' },
      at('h', 'postgres', 'adm', 'd'),
    ],
    [
      'that has it for another user has no password for him',
      { 'postgres-password': 'adm', host: 'h', username: 'app', database: 'd' },
      { user: 'app', password: undefined },
    ],
    [
      'with an empty URI takes the keys',
      { ...cloudNativePg, uri: '\n', 'fqdn-uri': '' },
      at('shop-db-rw', 'app', 'Xk2/p%', 'shop'),
    ],
    [
      'with several hosts',
      { host: 'a,b', port: '5432', user: 'u', dbname: 'd' },
      { hosts: [{ host: 'a' }, { host: 'b' }] },
    ],
  ])('%s is understood', (_, secret, expected) => {
    expect(targetOf('secret/db', secret)).toMatchObject(expected)
  })

  const pem = { 'ca.crt': 'CA', 'tls.crt': 'CERT', 'tls.key': 'KEY' }
  const file = (name: string) => expect.stringMatching(new RegExp(`/${name.replace('.', '\\.')}$`))
  test.each<[string, Secret, object]>([
    ['a mode', { ...cloudNativePg, sslmode: 'require' }, { sslmode: 'require', sslrootcert: undefined }],
    [
      'a mode and a CA beside a URI that says nothing',
      { ...cloudNativePg, sslmode: 'verify-full', 'ca.crt': 'CA' },
      { ...at('shop-db-rw.shop', 'app', 'Xk2/p%', 'shop'), sslmode: 'verify-full', sslrootcert: file('ca.crt') },
    ],
    [
      'a mode in the URI, which counts more',
      { uri: 'postgresql://h/d?sslmode=verify-ca', sslmode: 'disable', 'ca.crt': 'CA' },
      { sslmode: 'verify-ca', sslrootcert: file('ca.crt') },
    ],
    [
      'a CA alone: libpq’s default stays',
      { host: 'h', 'ca.crt': 'CA' },
      { sslmode: 'prefer', sslrootcert: file('ca.crt') },
    ],
    [
      'a certificate of the client',
      { host: 'h', sslmode: 'verify-full', ...pem },
      { sslmode: 'verify-full', sslrootcert: file('ca.crt'), sslcert: file('tls.crt'), sslkey: file('tls.key') },
    ],
    [
      'a certificate without its key, which is of no use',
      { host: 'h', 'tls.crt': 'CERT' },
      { sslcert: undefined, sslkey: undefined },
    ],
  ])('has TLS by its own keys: %s', (_, secret, expected) => {
    expect(targetOf('secret/db', secret)).toMatchObject(expected)
  })

  test.each<[string, Secret, string]>([
    [
      'Zalando’s operator',
      zalando,
      'has username, password, but no URI (uri, url, DATABASE_URL, fqdn-uri) and no host',
    ],
    ['Bitnami’s chart', bitnami, 'has password, postgres-password, but no URI'],
    [
      'somebody who forgot the host',
      { user: 'u', dbname: 'd', sslmode: 'require' },
      'has user, dbname, sslmode, but no URI',
    ],
  ])(
    'of %s lacks the host: what is there, what is missing and what to do is said, and no value',
    (_, secret, message) => {
      const said = messageOf(() => targetOf('secret/db', secret))
      expect(said).toContain(`the Secret that lockkeeper.dev/database names ${message}`)
      expect(said).toContain('set lockkeeper.dev/database: env/CONTAINER:NAME')
      for (const word of ['foo_user', 'Zal', 'adm', 'usr', 'rpl']) expect(said).not.toContain(word)
      expect(targetOf('secret/db', secret, { PGHOST: 'elsewhere' }).hosts).toEqual([{ host: 'elsewhere', port: 5432 }])
    },
  )

  test.each<[string, Secret]>([
    ['that is missing', {}],
    ['that has none of the keys', { hostname: 'h', 'pgbouncer-uri': 'postgresql://pooler/d' }],
  ])('%s is said to hold nothing to connect with', (_, secret) => {
    expect(() => targetOf('secret/db', secret)).toThrow('DIR holds nothing to connect with')
  })
})

describe('one key of a Secret', () => {
  test('is one URI, whatever its name; nothing else is mounted', () => {
    const secret = { ...recorded.crunchy, sslmode: 'disable' }
    expect(targetOf('secret/db#fqdn-uri', recorded.cloudNativePg)).toMatchObject({
      hosts: [{ host: 'shop-db-rw.shop.svc.cluster.local', port: 5432 }],
    })
    expect(targetOf('secret/db#pgbouncer-uri', secret)).toMatchObject({
      hosts: [{ host: 'hippo-pgbouncer.shop.svc', port: 5432 }],
      sslmode: 'prefer',
    })
  })

  test.each([
    ['jdbc-uri', 'scheme "jdbc:postgresql"'],
    ['verifier', 'not of the form postgresql://'],
    ['nonsense', 'holds nothing to connect with'],
  ])('that holds none (%s) is refused without its value', (key, message) => {
    expect(() => targetOf(`secret/db#${key}`, recorded.crunchy)).toThrow(message)
    expect(() => targetOf(`secret/db#${key}`, recorded.crunchy)).not.toThrow(/S3c|SCRAM/)
  })
})

describe('database-missing', () => {
  const { cloudNativePg, crunchyWithoutDatabase, zalando, bitnami } = recorded
  const cure = 'create it; the pods wait for it'
  const url =
    'make the URL in env of a container and set lockkeeper.dev/database: env/CONTAINER:NAME (docs/database.md)'
  const none = 'has none of the keys uri, url, DATABASE_URL, fqdn-uri, host'
  test.each<[string, string, readonly string[] | 'missing' | 'unknown', [string, string][]]>([
    ['of CloudNativePG', 'secret/db', Object.keys(cloudNativePg), []],
    ['of Crunchy without a database', 'secret/db', Object.keys(crunchyWithoutDatabase), []],
    ['of Zalando', 'secret/db', Object.keys(zalando), [[`Secret db ${none}`, url]]],
    ['of Bitnami', 'secret/db', Object.keys(bitnami), [[`Secret db ${none}`, url]]],
    ['with other keys', 'secret/db', ['pgbouncer-uri'], [[`Secret db ${none}`, cure]]],
    ['that is not there yet', 'secret/db', 'missing', [['Secret db does not exist yet', cure]]],
    ['that nobody let us see', 'secret/db', 'unknown', []],
    ['with the key', 'secret/db#jdbc', ['jdbc'], []],
    ['without the key', 'secret/db#uri', ['url'], [['Secret db has no key uri', cure]]],
    ['that is none', 'env/orders:URL', 'missing', []],
  ])('for a Secret %s', (_, database, keys, expected) => {
    const found = databaseMissing(settingsFor(database), keys)
    expect(found.map(({ message, fix }) => [message, fix])).toEqual(expected)
    expect(found.every(({ code, severity }) => code === 'database-missing' && severity === 'warning')).toBe(true)
  })
})
