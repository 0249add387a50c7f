import { ENV } from '../contract.ts'
import { partsOf } from '../injection/parts.ts'
import { readStatus } from '../injection/status.ts'
import type { EnvEntry, Workload } from '../injection/workload.ts'
import { type Finding, refusal } from '../migration/finding.ts'

/**
 * `not-injected` when our parts are not there, not there once, or not those of this intent: somebody changes them after
 * the mutating webhook. What others add to every container (an environment, a registry mirror) is no reason.
 */
export function notInjected(workload: Workload, hash: string, target: string): Finding | undefined {
  const parts = partsOf(workload)
  const status = readStatus(workload)
  if (parts === undefined || status === undefined) return finding('is missing or there twice')
  const env = parts.container.env as unknown as readonly EnvEntry[] | undefined
  const value = (name: string) => env?.find((entry) => entry.name === name)?.value
  const own =
    value(ENV.target) === status.target &&
    value(ENV.digest) === status.digest &&
    value(ENV.token) === String(status.token)
  if (own && status.intent === hash && status.target === target) return undefined
  return finding('was built for another intent')
}

const finding = (what: string): Finding =>
  refusal(
    'not-injected',
    `the migration container ${what}`,
    'see whether another webhook or a tool changes it after the webhook mutate.lockkeeper.dev, then apply again',
  )
