import * as z from 'zod/mini'

/** What the webhook service was told by its environment. */
export interface Config {
  readonly port: number
  readonly metricsPort: number
  /** Namespace that the service runs in. */
  readonly namespace: string
  readonly service: string
  /** Secret that holds CA and leaf. */
  readonly tlsSecret: string
  /** Folder with a certificate that somebody else issues (`tls.crt`, `tls.key`, `ca.crt`); undefined: we issue our own. */
  readonly tlsDir: string | undefined
  /** File with the CA that issues the API server's certificate; undefined: whoever asks is answered. */
  readonly clientCa: string | undefined
  /** Common names of that certificate; none: any that the CA issued. */
  readonly clientNames: readonly string[]
  /** Lease of whoever renews our own. */
  readonly lease: string
  /** Name of both webhook configurations. */
  readonly configuration: string
  readonly runnerImage: string
  readonly imagePullPolicy: string
  readonly logLevel: string
  /** How long the service still answers after SIGTERM, until no endpoint names it any more. */
  readonly drainMs: number
}

const port = (fallback: number) =>
  z._default(z.coerce.number().check(z.int(), z.minimum(1), z.maximum(65_535)), fallback)
const text = (fallback: string) => z._default(z.string(), fallback)

const schema = z.object({
  PORT: port(8443),
  METRICS_PORT: port(9090),
  POD_NAMESPACE: text('lockkeeper'),
  SERVICE_NAME: text('lockkeeper'),
  TLS_SECRET: text('lockkeeper-tls'),
  TLS_DIR: z.optional(z.string()),
  CLIENT_CA: z.optional(z.string()),
  CLIENT_NAMES: text(''),
  LEASE_NAME: text('lockkeeper'),
  CONFIGURATION_NAME: text('lockkeeper'),
  RUNNER_IMAGE: z.string(),
  RUNNER_IMAGE_PULL_POLICY: z._default(z.enum(['Always', 'IfNotPresent', 'Never']), 'IfNotPresent'),
  LOG_LEVEL: z._default(z.enum(['debug', 'info', 'warn', 'error']), 'info'),
  DRAIN_SECONDS: z._default(z.coerce.number().check(z.minimum(0), z.maximum(300)), 5),
})

/** Environment to config, or every problem with it at once. */
export function readConfig(
  env: Readonly<Record<string, string | undefined>>,
): Config | { readonly problems: string[] } {
  const set = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ''))
  const parsed = schema.safeParse(set)
  if (!parsed.success) {
    return { problems: parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`) }
  }
  const { data } = parsed
  return {
    port: data.PORT,
    metricsPort: data.METRICS_PORT,
    namespace: data.POD_NAMESPACE,
    service: data.SERVICE_NAME,
    tlsSecret: data.TLS_SECRET,
    tlsDir: data.TLS_DIR,
    clientCa: data.CLIENT_CA,
    clientNames: data.CLIENT_NAMES.split(',').flatMap((name) => (name.trim() === '' ? [] : [name.trim()])),
    lease: data.LEASE_NAME,
    configuration: data.CONFIGURATION_NAME,
    runnerImage: data.RUNNER_IMAGE,
    imagePullPolicy: data.RUNNER_IMAGE_PULL_POLICY,
    logLevel: data.LOG_LEVEL,
    drainMs: data.DRAIN_SECONDS * 1000,
  }
}
