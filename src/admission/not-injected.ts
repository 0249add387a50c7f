import { ENV } from '../contract.ts'
import { type Parts, partsOf } from '../injection/parts.ts'
import { readStatus, type Status } from '../injection/status.ts'
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
  if (isBuiltFor(parts, status) && status.intent === hash && status.target === target) return undefined
  return finding('was built for another intent')
}

/** Whether container and status were built together. */
export const isBuiltFor = (parts: Parts, { target, digest, token }: Status): boolean =>
  envOf(parts, ENV.target) === target &&
  envOf(parts, ENV.digest) === digest &&
  envOf(parts, ENV.token) === String(token)

/** A variable of our container. */
export const envOf = ({ container }: Parts, name: string): string | undefined =>
  (container.env as unknown as readonly EnvEntry[] | undefined)?.find((entry) => entry.name === name)?.value

const finding = (what: string): Finding =>
  refusal(
    'not-injected',
    `the migration container ${what}`,
    'see whether another webhook or a tool changes it after the webhook mutate.lockkeeper.dev, then apply again',
  )
