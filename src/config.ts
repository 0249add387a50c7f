import { z } from 'zod'

/** What the webhook service was told by its environment. */
export interface Config {
  readonly port: number
  readonly metricsPort: number
  /** Namespace that the service runs in. */
  readonly namespace: string
  readonly service: string
  /** Secret that holds CA and leaf. */
  readonly tlsSecret: string
  /** Name of both webhook configurations. */
  readonly configuration: string
  readonly runnerImage: string
  readonly imagePullPolicy: string
  readonly logLevel: string
  /** How long the service still answers after SIGTERM, until no endpoint names it any more. */
  readonly drainMs: number
}

const port = z.coerce.number().int().min(1).max(65_535)

const schema = z.object({
  PORT: port.default(8443),
  METRICS_PORT: port.default(9090),
  POD_NAMESPACE: z.string().min(1).default('lockkeeper'),
  SERVICE_NAME: z.string().min(1).default('lockkeeper'),
  TLS_SECRET: z.string().min(1).default('lockkeeper-tls'),
  CONFIGURATION_NAME: z.string().min(1).default('lockkeeper'),
  RUNNER_IMAGE: z.string().min(1),
  RUNNER_IMAGE_PULL_POLICY: z.enum(['Always', 'IfNotPresent', 'Never']).default('IfNotPresent'),
  LOG_LEVEL: z.enum(['debug', 'info', 'warn', 'error']).default('info'),
  DRAIN_SECONDS: z.coerce.number().min(0).max(300).default(5),
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
    configuration: data.CONFIGURATION_NAME,
    runnerImage: data.RUNNER_IMAGE,
    imagePullPolicy: data.RUNNER_IMAGE_PULL_POLICY,
    logLevel: data.LOG_LEVEL,
    drainMs: data.DRAIN_SECONDS * 1000,
  }
}
