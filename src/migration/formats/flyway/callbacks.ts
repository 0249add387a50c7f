import type { Finding } from '../../finding.ts'
import { CALLBACK_EVENTS, type Callback } from '../../migration.ts'
import { treatmentOf } from './events.ts'
import type { Loaded } from './load.ts'
import type { Resource } from './names.ts'

/** A callback that runs, or why it does not. */
export function callbackOf(
  { event, name }: Extract<Resource, { kind: 'callback' }>,
  { script, transaction }: Loaded,
): Callback | Finding {
  const treatment = treatmentOf(event)
  if (treatment.kind === 'runs') return { event: treatment.event, name, script, transaction }
  const { kind, why, fix } = treatment
  const what = kind === 'refused' ? 'which Lockkeeper does not run' : 'which is passed over'
  return {
    code: 'marker-unclear',
    severity: kind === 'refused' ? 'error' : 'warning',
    file: script.file,
    line: 1,
    message: `${script.file} is a callback for ${event}, ${what}: ${why}`,
    fix,
  }
}

/** The order of Flyway: by event, then by description, one without first (SqlScriptCallbackFactory). */
export const sortCallbacks = (callbacks: readonly Callback[]): Callback[] =>
  [...callbacks].sort(
    (a, b) => CALLBACK_EVENTS.indexOf(a.event) - CALLBACK_EVENTS.indexOf(b.event) || (a.name < b.name ? -1 : 1),
  )
