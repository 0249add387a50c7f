import { TargetProblem } from './target-problem.ts'

/** What of libpq's is not here (PostgreSQL manual, 34.1.2 and 34.15), by its variable. */
interface Unsupported {
  readonly keyword: string | undefined
  /** Values with which its absence changes nothing; undefined: any. */
  readonly same: RegExp | undefined
  readonly instead: string
}

const row = (keyword: string | undefined, same: RegExp | undefined, instead: string): Unsupported => ({
  keyword,
  same,
  instead,
})
const never = /^$/
const noService =
  'write host, port, user and database name of the service into the database URL, or set PGHOST, PGPORT, PGUSER and PGDATABASE'
const asOption = (setting: string) => `set PGOPTIONS to "-c ${setting}=VALUE", or run ALTER ROLE ... SET ${setting}`
const noKerberos = 'use a password or a client certificate'
const noRevocation = 'remove it, or let a proxy in front of the server check revoked certificates'

const UNSUPPORTED: Readonly<Record<string, Unsupported>> = {
  PGSERVICE: row('service', never, noService),
  PGSERVICEFILE: row('servicefile', never, noService),
  PGDATESTYLE: row(undefined, never, asOption('datestyle')),
  PGTZ: row(undefined, never, asOption('timezone')),
  PGGEQO: row(undefined, never, asOption('geqo')),
  PGCLIENTENCODING: row(
    'client_encoding',
    /^(utf-?8|unicode|auto)$/i,
    'write the migration files in UTF-8 and remove it',
  ),
  PGREQUIRESSL: row('requiressl', /^0$/, 'write sslmode=require'),
  PGREQUIREAUTH: row('require_auth', never, 'remove it, and let pg_hba.conf of the server demand the method'),
  PGREQUIREPEER: row('requirepeer', never, 'connect by TCP with sslmode=verify-full, which proves who the server is'),
  PGCHANNELBINDING: row(
    'channel_binding',
    /^(prefer|disable)$/,
    'write sslmode=verify-full, which proves who the server is',
  ),
  PGSSLNEGOTIATION: row('sslnegotiation', /^postgres$/, 'remove it: TLS is negotiated as sslnegotiation=postgres does'),
  PGSSLCOMPRESSION: row('sslcompression', /^0$/, 'remove it: TLS does not compress'),
  PGSSLCERTMODE: row(
    'sslcertmode',
    /^allow$/,
    'remove it, and name sslcert and sslkey where the server wants a certificate',
  ),
  PGSSLCRL: row('sslcrl', never, noRevocation),
  PGSSLCRLDIR: row('sslcrldir', never, noRevocation),
  PGSSLSNI: row('sslsni', /^1$/, 'remove it: the host name is sent'),
  PGSSLPASSWORD: row('sslpassword', never, 'decrypt the key: openssl pkey -in KEY -out NEW'),
  PGSSLMINPROTOCOLVERSION: row(
    'ssl_min_protocol_version',
    /^TLSv1(\.[012])?$/,
    'set ssl_min_protocol_version in the server',
  ),
  PGSSLMAXPROTOCOLVERSION: row('ssl_max_protocol_version', never, 'set ssl_max_protocol_version in the server'),
  PGGSSENCMODE: row('gssencmode', /^(disable|prefer)$/, noKerberos),
  PGKRBSRVNAME: row('krbsrvname', never, noKerberos),
  PGGSSLIB: row('gsslib', never, noKerberos),
  PGGSSDELEGATION: row('gssdelegation', /^0$/, noKerberos),
  PGLOADBALANCEHOSTS: row('load_balance_hosts', /^disable$/, 'name the host that is to be migrated'),
  PGMINPROTOCOLVERSION: row('min_protocol_version', /^3\.0$/, 'remove it: the protocol is 3.0'),
  PGMAXPROTOCOLVERSION: row('max_protocol_version', undefined, ''),
  // Our own name and keepalives are set whatever they say.
  PGAPPNAME: row('application_name', undefined, ''),
}
const keywords = new Map(Object.values(UNSUPPORTED).map((each) => [each.keyword, each]))
/** Keywords without a variable. */
const indifferent = /^(fallback_application_name|keepalives(_idle|_interval|_count)?|tcp_user_timeout)$/

/** Throws TargetProblem for a variable of libpq that would have meant something, and means nothing here. */
export function refuseVariables(env: Readonly<Record<string, string | undefined>>): void {
  for (const [name, { same, instead }] of Object.entries(UNSUPPORTED)) {
    const value = env[name]
    if (value === undefined || value === '' || same === undefined || same.test(value)) continue
    throw new TargetProblem(`the environment variable ${name} of libpq is not supported`, `unset ${name}: ${instead}`)
  }
}

/** True: the keyword may be passed over. Throws TargetProblem for one of libpq's that would have meant something. */
export function mayPassOver(keyword: string, value: string): boolean {
  if (indifferent.test(keyword)) return true
  const known = keywords.get(keyword)
  if (known === undefined) return false
  if (known.same === undefined || known.same.test(value)) return true
  throw new TargetProblem(
    `the parameter ${keyword} of libpq is not supported with this value`,
    `remove ${keyword}: ${known.instead}`,
  )
}

const PATH = 'write options=-csearch_path%3DNAME in its place, or run ALTER ROLE ... SET search_path'
const POOL = 'remove it: it is about the pool of the application, and a migration has one connection'

/** What URLs of drivers and ORMs carry, and what to write in its place. By the name in lower case. */
const OF_DRIVERS: readonly (readonly [names: RegExp, instead: string])[] = [
  [/^(schema|search_?path|currentschema)$/, PATH],
  [/^pgbouncer$/, 'remove it, and name the host and port of PostgreSQL itself, not of the pooler'],
  [
    /^(ssl|sslaccept|usessl|tls|encrypt|trustservercertificate)$/,
    'write sslmode=require, or sslmode=verify-full with sslrootcert',
  ],
  [/^(sslidentity|sslinline|sslfactory|sslhostnameverifier)$/, 'write sslmode, sslrootcert, sslcert and sslkey'],
  [/^(targetservertype|target_server_type)$/, 'write target_session_attrs=read-write'],
  [/^(connecttimeout|connection_timeout|logintimeout|timeout)$/, 'write connect_timeout=SECONDS'],
  [
    /^(timezone|statement_timeout|lock_timeout|idle_in_transaction_session_timeout|datestyle)$/,
    'write options=-cNAME%3DVALUE in its place',
  ],
  [/^(charset|encoding|characterencoding)$/, 'remove it: the encoding is UTF-8'],
  [/^(applicationname)$/, 'remove it: Lockkeeper sets its own'],
]

/** How to write what an application's URL says by a parameter that libpq does not know. */
export const insteadOf = (name: string): string =>
  OF_DRIVERS.find(([names]) => names.test(name.toLowerCase()))?.[1] ??
  (/pool|conn|cache|prepare|statement|socket|binary|batch|log|fallback|dialect|driver/i.test(name)
    ? POOL
    : 'remove it, or write what libpq calls it (PostgreSQL manual, 34.1.2)')
