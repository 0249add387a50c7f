import type { Bundle } from '../../certs/issue.ts'
import { Serving, type ServingOptions, type Trust } from '../../certs/serving.ts'
import type { Certificates } from './certificates.ts'
import { startRounds } from './rounds.ts'

export interface MountedOptions extends ServingOptions {
  /** Reads the mounted files. `caKey` is empty: who issues keeps it. */
  readonly files: () => Promise<Bundle>
  readonly trusts: () => Promise<readonly Trust[]>
  readonly log: (level: 'info' | 'warn', message: string) => void
  readonly pause?: number
}

/** The kubelet takes a minute to bring a changed Secret here: seconds are nothing beside it. */
const PAUSE = 5_000
const UNREADY = 1_000

/**
 * Serves a certificate that somebody else issues, renews and lets the webhooks trust (cert-manager and its CA injector),
 * and reads its files again and again. A pair of which one half is newer is none, and the old one stays meanwhile.
 */
export function serveMounted(options: MountedOptions): Certificates {
  const { files, trusts, log, pause = PAUSE } = options
  const serving = new Serving(options)
  let said = ''
  const rounds = startRounds({
    round: async () => {
      const found = await trusts()
      serving.offer(await files(), found)
      const problem = serving.rejected ? `the mounted Secret ${serving.rejected}` : (serving.problem() ?? '')
      if (problem !== said && problem !== '') log('warn', problem)
      said = problem
      return problem === '' ? pause : UNREADY
    },
    again: UNREADY,
    failed: (reason) => log('warn', `the mounted certificate cannot be looked after: ${reason}`),
  })
  return { problem: () => serving.problem(), stop: rounds.stop }
}
