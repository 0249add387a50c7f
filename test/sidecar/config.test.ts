import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { readConfig } from '../../sidecar/config.ts'
import { terminationOfFailure } from '../../src/engine/event.ts'
import { databaseTarget, parseDatabaseUrl } from '../../src/postgres/database-target.ts'
import { exitOf, RunFailure } from '../../src/postgres/failure.ts'

const env = {
  LOCKKEEPER_TARGET: '042',
  LOCKKEEPER_TOKEN: '7',
  LOCKKEEPER_CLUSTER: 'c',
  LOCKKEEPER_WORKLOAD: 'shop/Deployment/orders',
  LOCKKEEPER_DATABASE_URL: 'postgresql://u:p@db/x',
}

describe('the environment', () => {
  test('of the webhook is read with the documented defaults', () => {
    expect(readConfig(env).request).toMatchObject({
      target: '42',
      owner: { cluster: 'c', workload: 'shop/Deployment/orders', token: 7, digest: '-' },
      set: 'default',
      onRollback: 'auto',
      lockTimeoutMs: 500,
      deadlineMs: 600_000,
      holdGraceMs: 60_000,
      rules: { rollbackPolicy: 'require', allowIrreversible: false, denyFindings: [] },
    })
  })

  test('with every mistake at once is bad-config, exit 14', () => {
    try {
      readConfig({
        ...env,
        LOCKKEEPER_TOKEN: 'x',
        LOCKKEEPER_TARGET: 'latest',
        LOCKKEEPER_DEADLINE: 'soon',
        LOCKKEEPER_ON_ROLLBACK: 'no',
        LOCKKEEPER_DATABASE_URL: 'mysql://u:secret@h/x',
      })
      expect.unreachable()
    } catch (error) {
      if (!(error instanceof RunFailure)) throw error
      expect(exitOf(error.code)).toBe(14)
      for (const part of [
        'LOCKKEEPER_TOKEN',
        'LOCKKEEPER_TARGET',
        'LOCKKEEPER_DEADLINE',
        'LOCKKEEPER_ON_ROLLBACK',
        'mysql',
      ])
        expect(error.message).toContain(part)
      expect(error.message).not.toContain('secret')
    }
  })
})

describe('a container in a pod of another namespace than the one that it was built for', () => {
  const thrownBy = (given: Record<string, string>) => {
    try {
      readConfig({ ...env, ...given })
      return undefined
    } catch (error) {
      return error instanceof RunFailure ? error : undefined
    }
  }

  test('does nothing, and says that the template is a copy', () => {
    const failure = thrownBy({ LOCKKEEPER_NAMESPACE: 'shop-copy' })
    expect(failure?.code).toBe('bad-config')
    expect(failure?.message).toBe(
      'this container was built for shop/Deployment/orders, and its pod is in namespace shop-copy: the pod template is a copy',
    )
    expect(failure?.fix).toContain('label namespace shop-copy lockkeeper.dev/admission=enabled')
  })

  test.each([
    ['the same namespace', { LOCKKEEPER_NAMESPACE: 'shop' }],
    ['a webhook that did not say it yet', {}],
    ['a namespace that is empty', { LOCKKEEPER_NAMESPACE: '' }],
  ])('is none with %s', (_, given) => {
    expect(thrownBy(given)).toBeUndefined()
  })

  test.each([
    ['a namespace whose name begins with it', 'shop-2'],
    ['a namespace whose name it begins with', 'sho'],
    ['a namespace named like the workload', 'orders'],
  ])('is one in %s', (_, namespace) => {
    expect(thrownBy({ LOCKKEEPER_NAMESPACE: namespace })?.code).toBe('bad-config')
  })
})

describe('a mounted Secret', () => {
  const secret = (files: Record<string, string>) => {
    const folder = mkdtempSync(join(tmpdir(), 'lockkeeper-secret-'))
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
    try {
      const { LOCKKEEPER_DATABASE_URL: _, ...rest } = env
      return readConfig({ ...rest, LOCKKEEPER_DATABASE_DIR: folder }).database
    } finally {
      rmSync(folder, { recursive: true })
    }
  }
  const wanted = { hosts: [{ host: 'db', port: 5433 }], user: 'app', password: 'p w', database: 'shop' }
  test.each<[string, Record<string, string>]>([
    ['one URI', { uri: 'postgresql://app:p%20w@db:5433/shop\n' }],
    ['CloudNativePG', { host: 'db', port: '5433', username: 'app', user: 'app', password: 'p w', dbname: 'shop' }],
    ['Crunchy', { host: 'db', port: '5433', user: 'app', password: 'p w', dbname: 'shop' }],
    ['a URL', { DATABASE_URL: 'postgres://app:p%20w@db:5433/shop' }],
    ['plain keys', { host: 'db', port: '5433', username: 'app', password: 'p w', database: 'shop' }],
  ])('of %s is understood', (_, files) => expect(secret(files)).toMatchObject(wanted))

  test('that is missing or has none of the keys is said so', () => {
    expect(() => secret({})).toThrow(/holds nothing to connect with/)
  })
})

describe('a database URL', () => {
  const target = (url: string, variables = {}) => databaseTarget(parseDatabaseUrl(url), variables)
  test.each<[string, object]>([
    [
      'postgresql://u:p@h/d',
      { hosts: [{ host: 'h', port: 5432 }], user: 'u', password: 'p', database: 'd', sslmode: 'prefer' },
    ],
    [
      'postgres://h1:1,h2:2/d?target_session_attrs=read-write',
      {
        hosts: [
          { host: 'h1', port: 1 },
          { host: 'h2', port: 2 },
        ],
        targetSessionAttrs: 'read-write',
      },
    ],
    ['postgresql://[::1]:5433/d', { hosts: [{ host: '::1', port: 5433 }] }],
    [
      'postgresql:///d?host=/var/run/postgresql',
      { hosts: [{ host: '/var/run/postgresql', port: 5432 }], database: 'd' },
    ],
    ['postgresql://u%40x:a%2Fb@h/d', { user: 'u@x', password: 'a/b' }],
    ['postgresql://h/d?ssl=true', { sslmode: 'require' }],
    [
      'postgresql://h/d?sslmode=verify-full&sslrootcert=/ca.pem&connect_timeout=3&application_name=x',
      { sslmode: 'verify-full', sslrootcert: '/ca.pem', connectTimeoutMs: 3000 },
    ],
  ])('%s means what libpq means by it', (url, expected) => expect(target(url)).toMatchObject(expected))

  test('gives way to libpq’s environment where it is silent', () => {
    expect(target('postgresql://h/d', { PGUSER: 'me', PGPORT: '7', PGSSLMODE: 'disable' })).toMatchObject({
      user: 'me',
      hosts: [{ host: 'h', port: 7 }],
      sslmode: 'disable',
    })
  })

  test.each([
    ['db.example.com', /not of the form/],
    ['jdbc:postgresql://h/d', /scheme "jdbc:postgresql"/],
    ['postgresql://h/d?sslmod=require', /"sslmod"/],
    ['postgresql://h/d?sslmode=on', /sslmode is "on"/],
    ['postgresql://h:99999/d', /no port/],
    ['postgresql://h1,h2/d?port=1,2,3', /2 hosts but 3 ports/],
    ['postgresql://u:100%@h/d', /password in the database URL has a %/],
  ])('%s is a clear error', (url, message) => expect(() => target(url)).toThrow(message))

  test.each([
    ['postgresql://mig:S3c?ret#x&y=1@db/shop', 'S3c?ret#x&y=1'],
    ['postgresql://mig:S3c#ret@db/shop?sslmode=require', 'S3c#ret'],
    ['postgresql://mig:a:b@db/shop', 'a:b'],
  ])('%s has the password that libpq finds in it', (url, password) =>
    expect(target(url)).toMatchObject({ user: 'mig', password, hosts: [{ host: 'db' }], database: 'shop' }),
  )

  // Each way in which a password that was not percent-encoded is cut; its pieces begin with Zq.
  test.each([
    'postgresql://mig:ZqS3@ZqPw@db/shop',
    'postgresql://mig:ZqS3@ZqPw?Zqx@db/shop',
    'postgresql://mig:ZqS3@ZqPw/Zqx@db/shop',
    'postgresql://mig:ZqS3@ZqPw?sslmode=Zqx@db/shop',
    'postgresql://mig:ZqS3@ZqPw?port=Zqx&Zqy@db/shop',
    'postgresql://mig:ZqS3/ZqPw@db/shop',
    'postgresql://mig:ZqS3/ZqPw?Zqx@db/shop',
    'postgresql://mig:ZqS3/ZqPw?Zqx=1&Zqy@db/shop',
    'postgresql://mig:77/ZqPw@db/shop',
    'postgresql://mig:ZqS3%ZqPw@db/shop',
    'postgresql://mig:ZqS3%@db/shop',
    'postgresql://mig:ZqS3@ZqPw:Zqx@db/shop',
    'postgresql://mig:ZqS3@ZqPw,Zqx@db/shop',
    'postgresql://mig:ZqS3@[ZqPw@db/shop',
    'postgresql://db/shop?password=ZqS3&ZqPw',
    'postgresql://db/shop?user=mig&password=ZqS3%&ZqPw=1',
    'mig:ZqS3://ZqPw@db/shop',
    'mig:ZqS3@ZqPw/shop',
  ])('%s is refused without a piece of its password', (url) => {
    let message = ''
    try {
      target(url)
    } catch (error) {
      message = String(error)
    }
    expect(message).toMatch(/TargetProblem|Error: /)
    expect(message).not.toContain('Zq')
  })
})

test('a termination message is valid JSON of at most 4096 bytes, whatever went wrong', () => {
  for (const message of ['x'.repeat(10_000), '€'.repeat(5000), '"\\\n'.repeat(3000)]) {
    const text = terminationOfFailure(new RunFailure('migration-failed', message, 'a cure', { file: 'f.sql', line: 3 }))
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(4096)
    expect(JSON.parse(text)).toMatchObject({ code: 'migration-failed', file: 'f.sql', line: 3, fix: 'a cure' })
  }
})
