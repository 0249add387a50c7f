import { insteadOf, mayPassOver, refuseVariables } from './libpq-unsupported.ts'
import { TargetProblem } from './target-problem.ts'

export { TargetProblem }

/** Where a database is and how to reach it, with libpq's meaning of each part. */
export interface DatabaseTarget {
  readonly hosts: readonly HostTarget[]
  readonly user: string | undefined
  readonly password: string | undefined
  readonly database: string | undefined
  readonly sslmode: SslMode
  /** File with the CA certificates to trust. */
  readonly sslrootcert: string | undefined
  readonly sslcert: string | undefined
  readonly sslkey: string | undefined
  /** Command-line options for the server (`-c name=value`). */
  readonly options: string | undefined
  readonly connectTimeoutMs: number
  readonly targetSessionAttrs: SessionAttrs
}

export interface HostTarget {
  /** Whom a certificate has to name. */
  readonly host: string
  readonly port: number
  /** Where it is, when no name is to be looked up for it (libpq's hostaddr). */
  readonly address?: string
}

const sslModes = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full'] as const
export type SslMode = (typeof sslModes)[number]
const sessionAttrs = ['any', 'read-write', 'primary', 'read-only', 'standby', 'prefer-standby'] as const
export type SessionAttrs = (typeof sessionAttrs)[number]

/** libpq's keywords that we honour (PostgreSQL manual, 34.1.2). */
const honoured = [
  ...['host', 'hostaddr', 'port', 'user', 'password', 'dbname', 'sslmode', 'sslrootcert', 'sslcert', 'sslkey'],
  ...['options', 'connect_timeout', 'target_session_attrs'],
] as const
export type Keywords = Partial<Record<(typeof honoured)[number], string>>

/**
 * As libpq cuts it (fe-connect.c, conninfo_uri_parse_options): an @ before the first / ends user and password, whatever
 * else stands in them; the user ends at the first colon.
 */
const url = /^([a-z][a-z0-9+.:-]*):\/\/(?:([^:@/]*)(?::([^@/]*))?@)?([^/?]*)(?:\/([^?]*))?(?:\?(.*))?$/is

/** What ends a URL's password too early, or makes it another one, where it is not percent-encoded. */
const ENCODE = 'percent-encode it in user, password and database name: @ as %40, / as %2F, ? as %3F, # as %23, % as %25'

/** A connection URI as libpq reads it (manual, 34.1.1.2). Throws TargetProblem. */
export function parseDatabaseUrl(text: string): Keywords {
  const match = url.exec(text.trim())
  if (match === null) {
    throw new TargetProblem('the database URL is not of the form postgresql://user:password@host:5432/dbname')
  }
  const [, scheme = '', user, password, authority = '', dbname, query = ''] = match
  if (!/^postgres(ql)?$/i.test(scheme)) {
    const said = /^(?:jdbc:)?[a-z0-9+.-]+$/i.test(scheme) ? `the scheme "${scheme}"` : 'another scheme'
    throw new TargetProblem(
      `the database URL has ${said}; PostgreSQL's is postgresql://`,
      'write postgresql:// in place of the scheme of a driver',
    )
  }
  // Then host, database and parameters would be pieces of a password, and be looked up, sent and shown.
  if (authority.includes('@') || dbname?.includes('@') === true || user?.includes('?') === true) throw notEncoded()
  const found: Record<string, string> = {}
  const put = (name: string, value: string | undefined) => {
    if (value !== undefined && value !== '') found[name] = decode(name, value)
  }
  put('user', user)
  put('password', password)
  put('dbname', dbname)
  const hosts = authority === '' ? [] : authority.split(',').map(splitHost)
  put('host', hosts.map(({ host }) => host).join(','))
  put('port', hosts.some(({ port }) => port !== '') ? hosts.map(({ port }) => port).join(',') : undefined)
  for (const pair of query.split('&').filter((each) => each !== '')) {
    const [name = '', value = ''] = pair.split(/=(.*)/s)
    if (name === 'ssl' && value === 'true') put('sslmode', 'require')
    else if ((honoured as readonly string[]).includes(name)) put(name, value)
    else if (!mayPassOver(name, value)) throw unknownParameter(name, query)
  }
  return found
}

const notEncoded = () =>
  new TargetProblem(`the database URL has an @ or ? where its password or host cannot be told for certain: ${ENCODE}`)

/** Its name is shown only where no password can reach it: one with a raw & or ? goes on as a parameter. */
function unknownParameter(name: string, query: string): TargetProblem {
  if (query.includes('@')) return notEncoded()
  if (mayName(name, query)) {
    return new TargetProblem(`the database URL has the parameter "${name}", which is not known here`, insteadOf(name))
  }
  return new TargetProblem(
    `the database URL has a parameter that is not known here; if it is part of a password, ${ENCODE}`,
  )
}

const mayName = (name: string, query: string) =>
  /^[a-z_]{2,40}$/i.test(name) && !query.includes('@') && !/(?:^|&)password=/.test(query)

function decode(name: string, value: string): string {
  try {
    return decodeURIComponent(value)
  } catch {
    throw new TargetProblem(`the ${name} in the database URL has a % that is no percent-encoding (write % as %25)`)
  }
}

function splitHost(text: string): { host: string; port: string } {
  const match = /^(?:\[([^\]]*)\]|([^:]*))(?::(\d*))?$/.exec(text)
  if (match === null) {
    throw new TargetProblem(
      'the database URL has a host that is no name, address or [IPv6 address] with a port in digits; ' +
        `if a password stands before it, ${ENCODE}`,
    )
  }
  const [, v6, plain = '', port = ''] = match
  return { host: v6 ?? plain, port }
}

/** Keywords, defaults of libpq's environment, and libpq's own defaults, as a target. Throws TargetProblem. */
export function databaseTarget(given: Keywords, env: Readonly<Record<string, string | undefined>>): DatabaseTarget {
  const pick = (name: (typeof honoured)[number], variable: string) => nonEmpty(given[name]) ?? nonEmpty(env[variable])
  refuseVariables(env)
  const addresses = pick('hostaddr', 'PGHOSTADDR')?.split(',')
  const hosts = (pick('host', 'PGHOST') ?? addresses?.join(',') ?? 'localhost').split(',')
  if (addresses !== undefined && addresses.length !== hosts.length) {
    throw new TargetProblem(`there are ${hosts.length} hosts but ${addresses.length} addresses in hostaddr`)
  }
  const ports = (pick('port', 'PGPORT') ?? '5432').split(',')
  if (ports.length !== 1 && ports.length !== hosts.length) {
    throw new TargetProblem(`there are ${hosts.length} hosts but ${ports.length} ports`)
  }
  const user = pick('user', 'PGUSER')
  const timeout = Number(pick('connect_timeout', 'PGCONNECT_TIMEOUT') ?? '10')
  if (!Number.isFinite(timeout)) throw new TargetProblem('connect_timeout is no number of seconds')
  return {
    hosts: hosts.map((host, i) => ({
      host: host || addresses?.[i] || 'localhost',
      port: portOf(ports[i] ?? ports[0] ?? ''),
      ...(addresses?.[i] && { address: addresses[i] }),
    })),
    user,
    password: pick('password', 'PGPASSWORD'),
    database: pick('dbname', 'PGDATABASE') ?? user,
    sslmode: oneOf('sslmode', pick('sslmode', 'PGSSLMODE') ?? 'prefer', sslModes),
    sslrootcert: pick('sslrootcert', 'PGSSLROOTCERT'),
    sslcert: pick('sslcert', 'PGSSLCERT'),
    sslkey: pick('sslkey', 'PGSSLKEY'),
    options: pick('options', 'PGOPTIONS'),
    connectTimeoutMs: timeout <= 0 ? 10_000 : timeout * 1000,
    targetSessionAttrs: oneOf(
      'target_session_attrs',
      pick('target_session_attrs', 'PGTARGETSESSIONATTRS') ?? 'any',
      sessionAttrs,
    ),
  }
}

const nonEmpty = (text: string | undefined) => (text === '' ? undefined : text)

function portOf(text: string): number {
  const port = Number(text === '' ? '5432' : text)
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    const shown = /^\d{1,10}$/.test(text) ? `"${text}"` : 'a text that is not a number'
    throw new TargetProblem(`${shown} is no port; a port is from 1 to 65535`)
  }
  return port
}

function oneOf<T extends string>(name: string, value: string, known: readonly T[]): T {
  const found = known.find((each) => each === value)
  const shown = /^[\w-]{1,20}$/.test(value) ? `${name} is "${value}"` : `${name} is another word`
  if (found === undefined) throw new TargetProblem(`${shown}; it may be ${known.join(', ')}`)
  return found
}
