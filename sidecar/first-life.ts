import { closeSync, openSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { ENV } from '../src/contract.ts'
import { formatDuration } from '../src/migration/duration.ts'
import { RunFailure } from '../src/postgres/failure.ts'

/**
 * How long a container waits in its first life. Kubernetes shows nowhere why an init container that runs does not end,
 * but it shows the last word of one that ended: so a run that waits longer than a hold lasts by default (60 s), or a
 * server's restart, ends once with its reason, and the kubelet starts it again ten seconds later (Kubernetes, Pod
 * Lifecycle, container restarts). From then on it waits until its deadline, as before.
 */
const SAYS_AFTER_MS = 90_000

/** Kubernetes mounts it for all containers of a pod, whatever its root file system, and it lasts as long as the pod. */
const POD_MEMORY = '/dev/shm'

/** What is known of the containers that ran before this one in its pod. */
export interface Life {
  /** The wait that a run may take, of the one that it was given. */
  readonly deadlineOf: (deadlineMs: number) => number
  /** The failure, with what happens next where the wait was cut short. */
  readonly said: (failure: RunFailure, deadlineMs: number) => RunFailure
  /** The application is about to start: nothing of ours stays in its pod. */
  readonly end: () => void
}

/**
 * Whether this is the first life of a container that the kubelet starts again without harm. That of a Job is not: there
 * each end counts against `backoffLimit`. Whatever keeps us from remembering it counts as no.
 */
export function beginLife(env: Readonly<Record<string, string | undefined>>, folder = POD_MEMORY): Life {
  const inPod = (env[ENV.namespace] ?? '') !== '' && (env[ENV.strategy] ?? '') !== ''
  const mark = join(folder, `lockkeeper-${env.HOSTNAME ?? ''}-${Number(env[ENV.token])}`)
  const first = inPod && created(mark)
  return {
    deadlineOf: (deadlineMs) => (first ? Math.min(deadlineMs, SAYS_AFTER_MS) : deadlineMs),
    said: (failure, deadlineMs) => (first && deadlineMs > SAYS_AFTER_MS ? early(failure, deadlineMs) : failure),
    end: () => inPod && rmSync(mark, { force: true }),
  }
}

function created(path: string): boolean {
  try {
    closeSync(openSync(path, 'wx'))
    return true
  } catch {
    return false // It is there, or no container can leave anything there: then nothing is said early.
  }
}

const early = ({ code, message, fix, place }: RunFailure, deadlineMs: number): RunFailure =>
  new RunFailure(
    code,
    message,
    `${fix} (this is said once, early: it starts again by itself and waits for ${formatDuration(deadlineMs)} more)`,
    place,
  )
