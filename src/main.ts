import { once } from 'node:events'
import { pino } from 'pino'
import { expiryOf } from '../certs/inspect.ts'
import type { Bundle } from '../certs/issue.ts'
import { type Config, readConfig } from './config.ts'
import { createApp, type Ports } from './http/app.ts'
import { createMetrics } from './http/metrics.ts'
import { type RunningServer, serve, serveMetrics } from './http/server.ts'
import { keepCertificates } from './kubernetes/certificates.ts'
import { clusterUid, makeClients } from './kubernetes/clients.ts'
import { watchNamespaces } from './kubernetes/namespaces.ts'
import { Secrets } from './kubernetes/secrets.ts'
import { Sources } from './kubernetes/sources.ts'

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
  const sources = Sources.of(clients)
  const secrets = Secrets.of(clients, Date.now)
  let server: RunningServer | undefined
  let bundle: Bundle | undefined
  const certificates = await keepCertificates({
    clients,
    namespace: config.namespace,
    secret: config.tlsSecret,
    configuration: config.configuration,
    names: namesOf(config),
    now: () => new Date(),
    log: (level, message) => log[level](message),
    serve: (fresh) => {
      server?.reload(fresh)
      bundle = fresh
      metrics.certificateExpires(expiryOf(fresh))
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
      return certificates.trusted() ? undefined : 'the certificate is not trusted by both configurations yet'
    },
    log: (level, fields, message) => log[level](fields, message),
    metrics,
  }
  const app = createApp(ports)
  while (bundle === undefined) await new Promise((resolve) => setTimeout(resolve, 100))
  server = await serve(app, config.port, bundle)
  const metricsServer = await serveMetrics(metrics, config.metricsPort)
  log.info({ port: config.port, ms: Math.round(performance.now() - began) }, 'ready for reviews')

  const [signal] = await Promise.race([once(process, 'SIGTERM'), once(process, 'SIGINT')])
  state.draining = true
  log.info({ signal }, 'draining')
  await server.drain(config.drainMs)
  certificates.stop()
  await namespaces.stop()
  metricsServer.close()
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
