import type { RunReport, StepReport } from '../engine/attempt.ts'
import type { RunEvent } from '../engine/event.ts'
import { run } from '../engine/run.ts'
import { formatDuration } from '../migration/duration.ts'
import type { MigrationSet } from '../migration/migration.ts'
import type { RunRequest } from '../migration/run-request.ts'
import { sanitize } from '../migration/sanitize.ts'
import { exitOf, RunFailure } from '../postgres/failure.ts'
import { type DatabaseOptions, person, targetOf } from './database.ts'
import { LiveVersions } from './live-versions.ts'
import { describeFailure, green, type Output, yellow } from './output.ts'
import { versionZeroLeft } from './version-zero.ts'

/** Moves the schema on behalf of a person: `up`, `down` and `adopt`. Resolves to the exit code. */
export async function move(
  output: Output,
  options: DatabaseOptions,
  request: RunRequest,
  files: () => Promise<MigrationSet | undefined>,
): Promise<number> {
  const steps: StepReport[] = []
  const live = new LiveVersions()
  const stop = new AbortController()
  const interrupt = () => stop.abort()
  process.once('SIGINT', interrupt)
  const emit = (event: RunEvent) => {
    if (event.event === 'applied' || event.event === 'reverted') {
      const { version = '', durationMs = 0 } = event
      const direction = event.event === 'applied' ? 'up' : 'down'
      steps.push({ version, direction, durationMs, retries: 0 })
      live.take(version, direction)
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
      seen: (applied: readonly string[]) => live.see(applied),
      signal: stop.signal,
      ...(output.terminal && { progressEveryMs: 500 }),
    }
    const report = await run(context)
    done(output, report)
    const left =
      request.lower &&
      versionZeroLeft(
        live.now.map((version) => ({ version })),
        request.target,
      )
    if (left !== undefined) output.print(left)
    return 0
  } catch (error) {
    if (!(error instanceof RunFailure)) throw error
    return failed(output, error, { ...live.ends, steps })
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

function done(output: Output, { from, to, steps }: RunReport): void {
  const result = steps.length === 0 ? 'nothing' : 'done'
  output.document({ from, to, steps, result, findings: [] })
  const many = `${steps.length} ${steps.length === 1 ? 'step' : 'steps'}`
  output.print(
    steps.length === 0
      ? `nothing to do: the schema is at ${to ?? 'nothing'}`
      : `the schema is at ${to ?? 'nothing'} (${many})`,
  )
}

function failed(output: Output, failure: RunFailure, report: Pick<RunReport, 'from' | 'to' | 'steps'>): number {
  const { code, message, fix, place } = failure
  const exit = exitOf(code)
  const finding = { code, severity: 'error', ...place, message, fix }
  const { from, to, steps } = report
  output.document({ from, to, steps, result: exit === 12 ? 'refused' : 'failed', findings: [finding] })
  output.fail(describeFailure({ code, message, fix }, output.colour))
  return exit === 13 || code === 'bad-config' ? 2 : 1
}
