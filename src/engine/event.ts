import { safeJson } from '../migration/sanitize.ts'
import type { RunFailure } from '../postgres/failure.ts'

/** One line on stdout, or one line of progress in the program. */
export interface RunEvent {
  readonly level: 'info' | 'warn' | 'error'
  readonly event:
    | 'connected'
    | 'ready'
    | 'waiting'
    | 'locked'
    | 'applying'
    | 'applied'
    | 'retrying'
    | 'reverting'
    | 'reverted'
    | 'refused'
    | 'failed'
    | 'done'
  readonly version?: string
  readonly durationMs?: number
  /** Set while a step runs: how it is getting on is the message. */
  readonly elapsedMs?: number
  readonly message?: string
}

export type Emit = (event: RunEvent) => void

/** The most a termination message may hold (Kubernetes: `/dev/termination-log`, 4096 bytes). */
const MAX_TERMINATION_BYTES = 4096

/** The JSON line of an event. */
export const lineOfEvent = ({ level, event, ...rest }: RunEvent, now: Date): string =>
  safeJson({ time: now.toISOString(), level, event, ...rest })

/** What `kubectl describe pod` shows after success. */
export const terminationOfSuccess = (live: string): string => safeJson({ code: 'done', live })

/** What `kubectl describe pod` shows after a failure: valid JSON of at most 4096 bytes, whatever the message. */
export function terminationOfFailure({ code, message, fix, place }: RunFailure): string {
  for (let room = MAX_TERMINATION_BYTES; ; room = Math.floor(room / 2)) {
    const text = safeJson({ code, message: shorten(message, room), ...place, fix: shorten(fix, room) })
    if (Buffer.byteLength(text) <= MAX_TERMINATION_BYTES) return text
  }
}

const shorten = (text: string, room: number) => (text.length <= room ? text : `${text.slice(0, room)}…`)
