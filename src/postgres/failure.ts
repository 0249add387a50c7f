import { EXIT, EXIT_OF_CODE, type RunCode } from '../contract.ts'
import type { Finding } from '../migration/finding.ts'

/** Where in the files something went wrong. */
export interface Place {
  readonly version?: string
  readonly file?: string
  /** 1-based. */
  readonly line?: number
  readonly sqlstate?: string
}

/** A run that ends without a ready schema: code, sentence, cure and place. Never holds SQL text or a password. */
export class RunFailure extends Error {
  readonly code: RunCode | Finding['code']
  readonly fix: string
  readonly place: Place
  constructor(code: RunFailure['code'], message: string, fix: string, place: Place = {}) {
    super(message)
    this.name = 'RunFailure'
    this.code = code
    this.fix = fix
    this.place = place
  }
}

/** Something that passes: the run reconnects, finds out what happened, and goes on until its deadline. */
export class Interruption extends Error {
  /** What the run ends with when it does not pass. */
  readonly lasting: RunFailure
  /** Milliseconds after which it counts as lasting although the deadline is further; undefined: the deadline. */
  readonly patience: number | undefined
  constructor(lasting: RunFailure, patience?: number) {
    super(lasting.message)
    this.name = 'Interruption'
    this.lasting = lasting
    this.patience = patience
  }
}

/** Exit code for a failure. What is wrong with files or annotations is a matter of configuration. */
export function exitOf(code: RunFailure['code'] | 'done'): number {
  return Object.hasOwn(EXIT_OF_CODE, code) ? EXIT_OF_CODE[code as RunCode] : EXIT.configuration
}

export const failureOfFinding = ({ code, message, fix, version, file, line }: Finding): RunFailure =>
  new RunFailure(code, message, fix, {
    ...(version !== undefined && { version }),
    ...(file !== undefined && { file }),
    ...(line !== undefined && { line }),
  })

/** SQLSTATE of a server's error, or Node's code of a network error, or undefined. */
export function stateOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}
