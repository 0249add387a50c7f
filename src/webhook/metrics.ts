import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'

/** What the service counts. Dry runs count too: they cost the same. */
export interface Metrics {
  readonly registry: Registry
  reviewed(hook: string, operation: string, result: string, seconds: number, codes: readonly string[]): void
  certificateExpires(at: Date): void
  /** Whether this replica holds the Lease, and so is the one that renews certificates. */
  leads(held: boolean): void
}

export function createMetrics(): Metrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const registers = [registry]
  const requests = new Counter({
    name: 'lockkeeper_admission_requests_total',
    help: 'Reviews answered, by webhook, operation and result (allowed, denied, error)',
    labelNames: ['hook', 'operation', 'result'],
    registers,
  })
  const duration = new Histogram({
    name: 'lockkeeper_admission_duration_seconds',
    help: 'Time from a read request to its answer',
    labelNames: ['hook'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
    registers,
  })
  const findings = new Counter({
    name: 'lockkeeper_admission_findings_total',
    help: 'Findings in verdicts, by code',
    labelNames: ['code'],
    registers,
  })
  const expiry = new Gauge({
    name: 'lockkeeper_certificate_expiry_timestamp_seconds',
    help: 'When the served certificate expires',
    registers,
  })
  const leader = new Gauge({
    name: 'lockkeeper_leader',
    help: 'Whether this replica holds the Lease and renews the certificates (1) or not (0)',
    registers,
  })
  return {
    registry,
    reviewed: (hook, operation, result, seconds, codes) => {
      requests.inc({ hook, operation, result })
      duration.observe({ hook }, seconds)
      for (const code of codes) findings.inc({ code })
    },
    certificateExpires: (at) => expiry.set(at.getTime() / 1000),
    leads: (held) => leader.set(held ? 1 : 0),
  }
}
