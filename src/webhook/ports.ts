import type { NamespaceFacts, SecretKeys, SourceOutcome, SourceRequest } from '../admission/facts.ts'
import type { Metrics } from './metrics.ts'

/** What an answer needs of the world. */
export interface ReviewPorts {
  namespace(name: string): Promise<NamespaceFacts | undefined>
  source(request: SourceRequest): Promise<SourceOutcome>
  /** Never rejects: what cannot be read is unknown. */
  secretKeys(namespace: string, name: string): Promise<SecretKeys>
  readonly cluster: string
  readonly runnerImage: string
  readonly imagePullPolicy: string
  now(): number
}

/** What the app needs of it. */
export interface Ports extends ReviewPorts {
  /** Why the service is not ready, or undefined when it is. */
  unready(): string | undefined
  log(level: 'info' | 'error', fields: Record<string, unknown>, message: string): void
  readonly metrics: Metrics
}
