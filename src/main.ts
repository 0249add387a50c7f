import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { expiryOf } from '../certs/inspect.ts'
import type { Bundle } from '../certs/issue.ts'
import type { Certificates } from './kubernetes/certificates.ts'
import { type Clients, clusterUid, makeClients } from './kubernetes/clients.ts'
import { serveMounted } from './kubernetes/mounted.ts'
import { watchNamespaces } from './kubernetes/namespaces.ts'
import { Secrets } from './kubernetes/secrets.ts'
import { keepOwnCertificates, type SelfManagedOptions } from './kubernetes/self-managed.ts'
import { Sources } from './kubernetes/sources.ts'
import { readTrusts } from './kubernetes/webhooks.ts'
import { createApp } from './webhook/app.ts'
import { type Config, readConfig } from './webhook/config.ts'
import { createMetrics } from './webhook/metrics.ts'
import type { Ports } from './webhook/ports.ts'
import { type RunningServer, serve, serveMetrics } from './webhook/server.ts'
import { SourceThreads } from './webhook/source-threads.ts'
import { warmUp } from './webhook/warm-up.ts'

/** The webhook service, from its start to its drain. */
async function main(config: Config): Promise<void> {
  const log = pino({ level: config.logLevel, base: null, timestamp: pino.stdTimeFunctions.isoTime })
  const began = performance.now()
  const metrics = createMetrics()
  const clients = makeClients()
  const state = { draining: false }
  const [cluster, namespaces] = await Promise.all([
    patiently(
      () => clusterUid(clients),
      (error) => log.warn({ error: String(error) }, 'the API server cannot be reached'),
    ),
    watchNamespaces(clients, (message) => log.warn(message)),
  ])
  const threads = new SourceThreads({ log: (message) => log.warn(message) })
  const sources = Sources.of(clients, (asker, load, question) => threads.prepare(asker, load, question))
  const secrets = Secrets.of(clients, Date.now)
  let server: RunningServer | undefined
  const latest: { bundle?: Bundle } = {}
  const first = Promise.withResolvers<Bundle>()
  const certificates = certificatesOf(config, clients, {
    names: namesOf(config),
    now: () => new Date(),
    log: (level, message) => log[level](message),
    leads: metrics.leads,
    serve: (bundle) => {
      server?.reload(bundle)
      latest.bundle = bundle
      first.resolve(bundle)
      metrics.certificateExpires(expiryOf(bundle))
    },
  })
  const ports: Ports = {
    namespace: (name) => namespaces.get(name),
    source: (request) => sources.read(request),
    secretKeys: (namespace, name) => secrets.keys(namespace, name),
    cluster,
    runnerImage: config.runnerImage,
    imagePullPolicy: config.imagePullPolicy,
    now: Date.now,
    unready: () => {
      if (state.draining) return 'draining'
      if (!namespaces.synced()) return 'namespaces are not known yet'
      return certificates.problem()
    },
    log: (level, fields, message) => log[level](fields, message),
    metrics,
  }
  const clientCa = config.clientCa === undefined ? undefined : await readFile(config.clientCa, 'utf8')
  const app = createApp(ports, clientCa === undefined ? undefined : { names: config.clientNames })
  await warmUp(ports)
  server = await serve(app, config.port, await first.promise, { clientCa })
  if (latest.bundle !== undefined) server.reload(latest.bundle) // Another may have come while it began to listen.
  const metricsServer = await serveMetrics(metrics, config.metricsPort)
  log.info({ port: config.port, ms: Math.round(performance.now() - began) }, 'ready for reviews')

  const [signal] = await Promise.race([once(process, 'SIGTERM'), once(process, 'SIGINT')])
  state.draining = true
  log.info({ signal }, 'draining')
  await Promise.all([server.drain(config.drainMs), certificates.stop()])
  await namespaces.stop()
  metricsServer.close()
}

/** Our own certificates, or those of a mounted folder. */
function certificatesOf(
  { namespace, tlsDir, tlsSecret: secret, configuration, lease }: Config,
  clients: Clients,
  hooks: Omit<SelfManagedOptions, 'clients' | 'namespace' | 'secret' | 'configuration' | 'lease' | 'me'>,
): Certificates {
  if (tlsDir !== undefined) {
    const text = (name: string) => readFile(join(tlsDir, name), 'utf8')
    const files = async () => {
      const [ca, cert, key] = await Promise.all(['ca.crt', 'tls.crt', 'tls.key'].map(text))
      return { ca: ca ?? '', caKey: '', cert: cert ?? '', key: key ?? '' }
    }
    return serveMounted({ ...hooks, files, trusts: () => readTrusts(clients, configuration) })
  }
  const me = `${hostname()}_${randomUUID()}`
  return keepOwnCertificates({ ...hooks, clients, namespace, secret, configuration, lease, me })
}

/** The names under which the API server calls the Service. */
const namesOf = ({ service, namespace }: Config) => [
  `${service}.${namespace}.svc`,
  `${service}.${namespace}`,
  `${service}.${namespace}.svc.cluster.local`,
]

/** Starts before the API server does are waited out. */
async function patiently<T>(work: () => Promise<T>, failed: (error: unknown) => void): Promise<T> {
  for (;;) {
    try {
      return await work()
    } catch (error) {
      failed(error)
      await new Promise((resolve) => setTimeout(resolve, 1000))
    }
  }
}

const config = readConfig(process.env)
if ('problems' in config) {
  console.error(`the environment is not complete: ${config.problems.join('; ')}`)
  process.exit(2)
}
await main(config)
process.exit(0)
