import type { RunReport, StepReport } from '../engine/attempt.ts'
import type { RunEvent } from '../engine/event.ts'
import { run } from '../engine/run.ts'
import { formatDuration } from '../migration/duration.ts'
import type { MigrationSet } from '../migration/migration.ts'
import type { RunRequest } from '../migration/run-request.ts'
import { sanitize } from '../migration/sanitize.ts'
import { exitOf, RunFailure } from '../postgres/failure.ts'
import { type DatabaseOptions, person, targetOf } from './database.ts'
import { describeFailure, green, type Output, yellow } from './output.ts'

/** Moves the schema on behalf of a person: `up`, `down` and `adopt`. Resolves to the exit code. */
export async function move(
  output: Output,
  options: DatabaseOptions,
  request: RunRequest,
  files: () => Promise<MigrationSet | undefined>,
): Promise<number> {
  const steps: StepReport[] = []
  const stop = new AbortController()
  const interrupt = () => stop.abort()
  process.once('SIGINT', interrupt)
  const emit = (event: RunEvent) => {
    if (event.event === 'applied' || event.event === 'reverted') {
      const { version = '', durationMs = 0 } = event
      steps.push({ version, direction: event.event === 'applied' ? 'up' : 'down', durationMs, retries: 0 })
    }
    if (event.elapsedMs !== undefined) {
      const { version = '', message = '' } = event
      return output.live(`${event.event === 'applying' ? 'up  ' : 'down'}  ${version}  ${sanitize(message)}`)
    }
    const line = progress(event, output.colour)
    if (line !== undefined) output.say(line)
  }
  try {
    const context = {
      request,
      database: targetOf(options),
      who: person(),
      files,
      emit,
      signal: stop.signal,
      ...(output.terminal && { progressEveryMs: 500 }),
    }
    const report = await run(context)
    return done(output, report)
  } catch (error) {
    if (!(error instanceof RunFailure)) throw error
    return failed(output, error, steps)
  } finally {
    process.removeListener('SIGINT', interrupt)
  }
}

function progress(
  { event, level, version, durationMs, message: said = '' }: RunEvent,
  colour: boolean,
): string | undefined {
  const message = sanitize(said)
  if (event === 'applied')
    return `${green('up', colour)}    ${version}  ${message} (${formatDuration(durationMs ?? 0)})`
  if (event === 'reverted')
    return `${yellow('down', colour)}  ${version}  ${message} (${formatDuration(durationMs ?? 0)})`
  if (event === 'waiting') return `waiting: ${message}`
  if (event === 'retrying') return `retrying ${version}: ${message}`
  return level === 'warn' ? `${yellow('warning', colour)}: ${message}` : undefined
}

function done(output: Output, { from, to, steps }: RunReport): number {
  const result = steps.length === 0 ? 'nothing' : 'done'
  output.document({ from, to, steps, result, findings: [] })
  const many = `${steps.length} ${steps.length === 1 ? 'step' : 'steps'}`
  output.print(
    steps.length === 0
      ? `nothing to do: the schema is at ${to ?? 'nothing'}`
      : `the schema is at ${to ?? 'nothing'} (${many})`,
  )
  return 0
}

function failed(output: Output, failure: RunFailure, steps: readonly StepReport[]): number {
  const { code, message, fix, place } = failure
  const exit = exitOf(code)
  const finding = { code, severity: 'error', ...place, message, fix }
  output.document({ from: null, to: null, steps, result: exit === 12 ? 'refused' : 'failed', findings: [finding] })
  output.fail(describeFailure({ code, message, fix }, output.colour))
  return exit === 13 || code === 'bad-config' ? 2 : 1
}
