import { readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { userInfo } from 'node:os'
import type { ConnectionOptions } from 'node:tls'
import { Client, type ClientConfig } from 'pg'
import type { DatabaseTarget, HostTarget } from './database-target.ts'
import { Interruption, RunFailure, stateOf } from './failure.ts'
import { Session } from './session.ts'

/** Opens one session, on the first host that answers and has the wanted attributes. */
export async function connect(target: DatabaseTarget, applicationName: string): Promise<Session> {
  let problem: unknown
  for (const at of target.hosts) {
    const { host, port } = at
    try {
      const session = await connectTo(target, at, applicationName)
      if (await suits(session, target)) return session
      await session.end()
      problem = unsuitable(target, `${host}:${port}`)
    } catch (error) {
      problem = explain(error, target, `${host}:${port}`)
    }
  }
  throw problem
}

/** Opens a session for the length of a callback. */
export async function withSession<T>(
  target: DatabaseTarget,
  applicationName: string,
  use: (session: Session) => Promise<T>,
): Promise<T> {
  const session = await connect(target, applicationName)
  try {
    return await use(session)
  } finally {
    await session.end()
  }
}

/** libpq's order of attempts for each sslmode (PostgreSQL manual, table 34.1). */
async function connectTo(target: DatabaseTarget, at: HostTarget, name: string): Promise<Session> {
  const { host, address } = at
  // pg names the server by where it connects to, unless that is an address.
  const tls = { ...tlsOptions(target), ...(address !== undefined && isIP(host) === 0 && { servername: host }) }
  const plain = () => open(target, at, name, false)
  if (target.sslmode === 'disable' || host.startsWith('/')) return plain()
  if (target.sslmode === 'allow') {
    return plain().catch((error) => {
      if (stateOf(error) !== '28000') throw error
      return open(target, at, name, tls)
    })
  }
  return open(target, at, name, tls).catch((error) => {
    const refused = error instanceof Error && /does not support SSL/.test(error.message)
    if (target.sslmode !== 'prefer' || !(refused || stateOf(error) === '28000')) throw error
    return plain()
  })
}

/** `require` encrypts and verifies nothing, unless a root certificate is there (manual, 34.19.1). */
function tlsOptions({ sslmode, sslrootcert, sslcert, sslkey }: DatabaseTarget): ConnectionOptions {
  const verify = sslmode.startsWith('verify') || (sslmode === 'require' && sslrootcert !== undefined)
  return {
    minVersion: 'TLSv1.2',
    rejectUnauthorized: verify,
    ...(verify && sslmode !== 'verify-full' && { checkServerIdentity: () => undefined }),
    ...(verify && sslrootcert !== undefined && sslrootcert !== 'system' && { ca: readPem(sslrootcert, 'sslrootcert') }),
    ...(sslcert !== undefined && { cert: readPem(sslcert, 'sslcert') }),
    ...(sslkey !== undefined && { key: readPem(sslkey, 'sslkey') }),
  }
}

function readPem(path: string, what: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new RunFailure(
      'bad-config',
      `${what} cannot be read (${stateOf(error)})`,
      `name a file that exists in ${what}`,
    )
  }
}

async function open(
  target: DatabaseTarget,
  { host, port, address = host }: HostTarget,
  applicationName: string,
  ssl: ConnectionOptions | false,
): Promise<Session> {
  const user = target.user ?? accountName()
  const config: ClientConfig & { pipeline: boolean } = {
    host: address,
    port,
    user,
    database: target.database ?? user,
    ...(target.password !== undefined && { password: target.password }),
    ...(target.options !== undefined && { options: target.options }),
    ssl,
    application_name: applicationName,
    connectionTimeoutMillis: target.connectTimeoutMs,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    pipeline: true,
  }
  const client = new Client(config)
  const session = new Session(client)
  try {
    await client.connect()
  } catch (error) {
    session.destroy() // A server that waits for a password would keep the process alive.
    throw error
  }
  return session
}

/** A container may run under a UID that has no name. */
function accountName(): string {
  try {
    return userInfo().username
  } catch {
    return 'postgres'
  }
}

async function suits(session: Session, { targetSessionAttrs, hosts }: DatabaseTarget): Promise<boolean> {
  if (targetSessionAttrs === 'any' || (targetSessionAttrs === 'prefer-standby' && hosts.length === 1)) return true
  const [row] = await session.rows(
    `select pg_is_in_recovery() standby, current_setting('transaction_read_only') = 'on' readonly`,
  )
  if (targetSessionAttrs === 'read-write') return row?.readonly === false
  if (targetSessionAttrs === 'read-only') return row?.readonly === true
  return targetSessionAttrs === 'primary' ? row?.standby === false : row?.standby === true
}

const unsuitable = ({ targetSessionAttrs }: DatabaseTarget, where: string) =>
  new Interruption(
    new RunFailure(
      'standby',
      `${where} does not satisfy target_session_attrs=${targetSessionAttrs}`,
      'name the host (or Service) of the primary',
    ),
  )

const firstMinute = 60_000
const cannot = (message: string, fix: string, sqlstate?: string) =>
  new RunFailure('cannot-connect', message, fix, sqlstate === undefined ? {} : { sqlstate })

/** A connection error as what it means for a run: passing or lasting, with its cure. Never shows the URL. */
function explain(error: unknown, { database, user, password, sslmode }: DatabaseTarget, where: string): Error {
  if (error instanceof RunFailure || error instanceof Interruption) return error
  const state = stateOf(error)
  const said = error instanceof Error ? error.message : String(error)
  const passing = (failure: RunFailure, patience?: number) => new Interruption(failure, patience)
  // pg says so of SCRAM; for the other methods it fails on the value itself.
  const unasked = /client password must be|must be of type string|salted password/i
  if (password === undefined && (state === '28P01' || unasked.test(said))) {
    return cannot(
      `${where} asks for the password of ${user ?? 'the user'}, and none is given`,
      'write it into the database URL or the database Secret, or set PGPASSWORD',
    )
  }
  switch (state) {
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return passing(
        cannot(
          `the host of ${where} does not resolve (${state})`,
          'correct the host in the database Secret, or create its Service',
        ),
      )
    case 'ECONNREFUSED':
      return passing(
        cannot(`${where} refuses the connection`, 'start the database, or correct host and port in the Secret'),
      )
    case '28P01':
      return passing(
        cannot(`${where} refuses the password of ${user}`, 'correct the password in the database Secret', state),
        firstMinute,
      )
    case '3D000':
      return passing(
        cannot(`${where} has no database "${database}"`, 'create it, or correct the name in the Secret', state),
        firstMinute,
      )
    case '28000': {
      const plain = sslmode === 'disable' || sslmode === 'allow'
      return cannot(
        `${where} lets ${user} not in${plain ? ' without TLS' : ''} (pg_hba.conf)`,
        plain
          ? 'set sslmode=require or stricter in the database URL, or add an entry for this user, database and address to pg_hba.conf'
          : 'add an entry for this user, database and address to pg_hba.conf',
        state,
      )
    }
    case '53300':
      return passing(
        cannot(`${where} has no connection left`, 'raise max_connections, or lower what others use', state),
      )
    case '57P01':
    case '57P02':
    case '57P03':
      return passing(cannot(`${where} is starting or stopping`, 'wait until the database is up', state))
  }
  if (/certificate|self-signed|self signed|altnames|ERR_TLS/i.test(`${state} ${said}`)) {
    return cannot(
      `the certificate of ${where} does not verify: ${said}`,
      'give sslrootcert the CA that signed it, and use its host name',
    )
  }
  if (state?.startsWith('08') || (state !== undefined && /^E[A-Z_]+$/.test(state))) {
    return passing(
      cannot(
        `${where} cannot be reached (${state})`,
        'see whether the database runs and a NetworkPolicy lets the pod in',
      ),
    )
  }
  if (/does not support SSL/.test(said)) {
    return cannot(
      `${where} offers no TLS, which sslmode asks for`,
      'switch TLS on in the server, or use sslmode=prefer',
    )
  }
  if (/establishing an SSL|received invalid response|Unknown message|unrecognized|Unexpected .*message/i.test(said)) {
    return cannot(`${where} answers, but is not PostgreSQL`, 'correct host and port in the database Secret')
  }
  if (/timeout|terminated|ended|closed/i.test(said)) {
    return passing(
      cannot(`${where} does not answer (${said})`, 'see whether the database runs and a NetworkPolicy lets the pod in'),
    )
  }
  return cannot(`${where}: ${said}`, 'correct the connection in the database Secret', state)
}
