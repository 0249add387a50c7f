import { generateKeyPairSync } from 'node:crypto'
import { chownSync } from 'node:fs'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import forge from 'node-forge'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readConfig } from '../../sidecar/config.ts'
import { withSession } from '../../src/postgres/connect.ts'
import { RunFailure } from '../../src/postgres/failure.ts'
import { startServer } from '../tools/postgres.ts'

interface Certificate {
  readonly cert: string
  readonly key: string
}

/** A certificate for a name: a CA of its own, or signed by one. */
function certificateFor(name: string, ca?: Certificate): Certificate {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  })
  const made = forge.pki.createCertificate()
  made.publicKey = forge.pki.publicKeyFromPem(publicKey)
  made.serialNumber = `00${forge.util.bytesToHex(forge.random.getBytesSync(8))}`
  made.validity.notBefore = new Date(Date.now() - 3_600_000)
  made.validity.notAfter = new Date(Date.now() + 3_600_000)
  const subject = [{ name: 'commonName', value: name }]
  made.setSubject(subject)
  made.setIssuer(ca === undefined ? subject : forge.pki.certificateFromPem(ca.cert).subject.attributes)
  made.setExtensions([
    { name: 'basicConstraints', critical: true, cA: ca === undefined },
    { name: 'subjectAltName', altNames: [{ type: 2, value: name }] },
  ])
  made.sign(forge.pki.privateKeyFromPem(ca?.key ?? privateKey) as forge.pki.rsa.PrivateKey, forge.md.sha256.create())
  return { cert: forge.pki.certificateToPem(made), key: privateKey }
}

const ca = certificateFor('our CA')
const stranger = certificateFor("somebody else's CA")
const client = certificateFor('certified', ca)

let running: Awaited<ReturnType<typeof startServer>>
let port = 0
beforeAll(async () => {
  const server = certificateFor('localhost', ca)
  running = await startServer({
    settings: ['ssl = on', "ssl_cert_file = 'server.crt'", "ssl_key_file = 'server.key'", "ssl_ca_file = 'ca.crt'"],
    prepare: async (data) => {
      const files = { 'server.crt': server.cert, 'server.key': server.key, 'ca.crt': ca.cert }
      for (const [name, text] of Object.entries(files)) {
        await writeFile(join(data, name), text)
        await chmod(join(data, name), 0o600)
        if (process.getuid?.() === 0) chownSync(join(data, name), 65_534, 65_534)
      }
      await writeFile(
        join(data, 'pg_hba.conf'),
        'hostssl all certified all cert\nhostssl all postgres all trust\nhost all all all reject\n',
      )
    },
  })
  port = running.server.port
})
afterAll(() => running.stop())

/** Connects as the runner does with these files mounted; whether the session is encrypted, and as whom. */
async function connectWith(secret: Readonly<Record<string, string>>) {
  const folder = await mkdtemp(join(tmpdir(), 'lockkeeper-secret-'))
  try {
    for (const [key, value] of Object.entries(secret)) await writeFile(join(folder, key), value)
    const { database } = readConfig({
      LOCKKEEPER_TARGET: '1',
      LOCKKEEPER_TOKEN: '1',
      LOCKKEEPER_CLUSTER: 'c',
      LOCKKEEPER_WORKLOAD: 'w',
      LOCKKEEPER_DATABASE_DIR: folder,
    })
    return await withSession(database, 'test', async (session) => {
      const [row] = await session.rows(
        'select ssl, session_user::text who from pg_stat_ssl where pid = pg_backend_pid()',
      )
      return row
    })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

const failureOf = async (secret: Readonly<Record<string, string>>) => {
  const error = await connectWith(secret).then(
    (row) => new Error(`connected: ${JSON.stringify(row)}`),
    (reason: unknown) => reason,
  )
  return error instanceof RunFailure ? error.message : String(error)
}

describe('a Secret with a CA, on a server with TLS', () => {
  const keys = (more: Readonly<Record<string, string>>, host = 'localhost') => ({
    ...{ host, port: String(port), user: 'postgres', dbname: 'postgres' },
    ...more,
  })

  test.each<[string, Readonly<Record<string, string>>]>([
    ['verify-full', { sslmode: 'verify-full', 'ca.crt': ca.cert }],
    ['verify-ca', { sslmode: 'verify-ca', 'ca.crt': ca.cert }],
    ['require, with the CA', { sslmode: 'require', 'ca.crt': ca.cert }],
    ['require, without one', { sslmode: 'require' }],
    ['no mode, which prefers TLS', {}],
  ])('connects encrypted by %s', async (_, more) => {
    expect(await connectWith(keys(more))).toMatchObject({ ssl: true, who: 'postgres' })
  })

  test('connects encrypted by a URI whose TLS stands beside it', async () => {
    const uri = `postgresql://postgres@localhost:${port}/postgres`
    expect(await connectWith({ uri, sslmode: 'verify-full', 'ca.crt': ca.cert })).toMatchObject({ ssl: true })
    expect(await failureOf({ uri, sslmode: 'verify-full', 'ca.crt': stranger.cert })).toContain('does not verify')
  })

  test.each<[string, Readonly<Record<string, string>>, string, RegExp]>([
    ['the CA is another', { sslmode: 'verify-ca', 'ca.crt': stranger.cert }, 'localhost', /does not verify/],
    ['require has another CA', { sslmode: 'require', 'ca.crt': stranger.cert }, 'localhost', /does not verify/],
    ['verify-full has no CA', { sslmode: 'verify-full' }, 'localhost', /does not verify/],
    [
      'the name is not in the certificate',
      { sslmode: 'verify-full', 'ca.crt': ca.cert },
      '127.0.0.1',
      /does not verify/,
    ],
    ['the mode forbids what the server asks for', { sslmode: 'disable' }, 'localhost', /without TLS/],
    ['the mode is none', { sslmode: 'always' }, 'localhost', /sslmode is "always"/],
  ])('is refused when %s', async (_, more, host, message) => {
    expect(await failureOf(keys(more, host))).toMatch(message)
  })

  test('verify-ca does not ask for the name', async () => {
    expect(await connectWith(keys({ sslmode: 'verify-ca', 'ca.crt': ca.cert }, '127.0.0.1'))).toMatchObject({
      ssl: true,
    })
  })

  test('and a certificate of the client logs in by it', async () => {
    const certified = { ...keys({ sslmode: 'verify-full', 'ca.crt': ca.cert }), user: 'certified' }
    await withSessionAsPostgres('create role certified login')
    const own = { 'tls.crt': client.cert, 'tls.key': client.key }
    expect(await connectWith({ ...certified, ...own })).toMatchObject({ ssl: true, who: 'certified' })
    expect(await failureOf({ ...certified, 'tls.crt': client.cert })).toContain('lets certified not in')
  })
})

async function withSessionAsPostgres(statement: string): Promise<void> {
  const env = {
    LOCKKEEPER_TARGET: '1',
    LOCKKEEPER_TOKEN: '1',
    LOCKKEEPER_CLUSTER: 'c',
    LOCKKEEPER_WORKLOAD: 'w',
    LOCKKEEPER_DATABASE_URL: `postgresql://postgres@localhost:${port}/postgres`,
  }
  await withSession(readConfig(env).database, 'test', (session) => session.execute(statement))
}
