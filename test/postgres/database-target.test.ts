import { describe, expect, test } from 'vitest'
import { readConfig } from '../../sidecar/config.ts'
import { databaseTarget, parseDatabaseUrl, TargetProblem } from '../../src/postgres/database-target.ts'
import { exitOf, RunFailure } from '../../src/postgres/failure.ts'
import { lockkeeper } from '../tools/program.ts'

const problemOf = (work: () => unknown): TargetProblem => {
  try {
    work()
  } catch (error) {
    if (error instanceof TargetProblem) return error
    throw error
  }
  return expect.unreachable()
}

describe("libpq's environment", () => {
  test.each([
    ['PGSERVICE', 'production', /PGHOST/],
    ['PGSERVICEFILE', '/etc/pg_service.conf', /PGHOST/],
    ['PGTZ', 'Asia/Kolkata', /PGOPTIONS/],
    ['PGDATESTYLE', 'German', /PGOPTIONS/],
    ['PGCLIENTENCODING', 'LATIN1', /UTF-8/],
    ['PGCHANNELBINDING', 'require', /verify-full/],
    ['PGSSLNEGOTIATION', 'direct', /remove it/],
    ['PGREQUIREAUTH', 'scram-sha-256', /pg_hba/],
    ['PGSSLCRL', '/crl.pem', /remove it/],
    ['PGGSSENCMODE', 'require', /password/],
    ['PGLOADBALANCEHOSTS', 'random', /host/],
  ])('%s=%s is refused by name, and the fix says what to do', (name, value, fix) => {
    const problem = problemOf(() => databaseTarget(parseDatabaseUrl('postgresql://u@h/d'), { [name]: value }))
    expect(problem.message).toContain(name)
    expect(problem.fix).toMatch(fix)
    expect(problem.message + problem.fix).not.toContain(value === 'require' ? '"require"' : value)
  })

  test('what means the same here, or is empty, is passed over', () => {
    const env = {
      PGSERVICE: '',
      PGCLIENTENCODING: 'utf8',
      PGCHANNELBINDING: 'prefer',
      PGGSSENCMODE: 'disable',
      PGAPPNAME: 'x',
    }
    expect(databaseTarget({}, env).hosts).toEqual([{ host: 'localhost', port: 5432 }])
  })

  test('an address is connected to, and the name is the one that its certificate has to have', () => {
    expect(databaseTarget({}, { PGHOST: 'db,spare', PGHOSTADDR: '10.0.0.1,10.0.0.2', PGPORT: '1' }).hosts).toEqual([
      { host: 'db', port: 1, address: '10.0.0.1' },
      { host: 'spare', port: 1, address: '10.0.0.2' },
    ])
    expect(databaseTarget({}, { PGHOSTADDR: '10.0.0.1' }).hosts).toEqual([
      { host: '10.0.0.1', port: 5432, address: '10.0.0.1' },
    ])
    expect(databaseTarget(parseDatabaseUrl('postgresql://db/x?hostaddr=::1'), {}).hosts[0]).toMatchObject({
      address: '::1',
    })
    expect(problemOf(() => databaseTarget({}, { PGHOST: 'a,b', PGHOSTADDR: '10.0.0.1' })).message).toContain('2 hosts')
  })

  test('the runner ends with 14, the program with 2', async () => {
    const env = {
      LOCKKEEPER_TARGET: '1',
      LOCKKEEPER_TOKEN: '1',
      LOCKKEEPER_CLUSTER: 'c',
      LOCKKEEPER_WORKLOAD: 'shop/Deployment/orders',
      LOCKKEEPER_DATABASE_URL: 'postgresql://u:secret@h/x',
      PGSERVICEFILE: '/x',
    }
    try {
      readConfig(env)
      expect.unreachable()
    } catch (error) {
      if (!(error instanceof RunFailure)) throw error
      expect(exitOf(error.code)).toBe(14)
      expect(error.message).toContain('PGSERVICEFILE')
      expect(error.message).not.toContain('secret')
    }
    const { code, stderr } = await lockkeeper(['history'], { env: { PGSERVICE: 'production' } })
    expect([code, stderr]).toEqual([2, expect.stringMatching(/PGSERVICE[\s\S]*fix: unset PGSERVICE/)])
  })
})

describe('a URL that was written for an application', () => {
  test.each([
    ['postgresql://u:p@h/d?schema=shop', /search_path/],
    ['postgresql://u:p@h/d?search_path=shop', /options=-csearch_path%3DNAME/],
    ['postgresql://u:p@h/d?currentSchema=shop', /search_path/],
    ['postgresql://u:p@h/d?pgbouncer=true', /PostgreSQL itself/],
    ['postgresql://u:p@h/d?connection_limit=5', /pool/],
    ['postgresql://u:p@h/d?pool_timeout=5', /pool/],
    ['postgresql://u:p@h/d?sslaccept=strict', /sslmode/],
    ['postgresql://u:p@h/d?ssl=no-verify', /sslmode/],
    ['postgresql://u:p@h/d?targetServerType=primary', /target_session_attrs/],
    ['postgresql://u:p@h/d?prepareThreshold=0', /remove it/],
    ['postgresql://u:p@h/d?timezone=UTC', /options/],
    ['jdbc:postgresql://h/d', /postgresql:/],
    ['postgresql+asyncpg://u:p@h/d', /postgresql:/],
    ['postgresql://u:p@h/d?sslnegotiation=direct', /remove/],
    ['postgresql://u:p@h/d?service=production', /host, port/],
  ])('%s: the fix names what to write instead', (url, fix) => {
    expect(problemOf(() => parseDatabaseUrl(url)).fix).toMatch(fix)
  })
})
