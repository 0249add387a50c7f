import { Keeper, type KeeperOptions } from '../../certs/keep.ts'
import { Serving, type ServingOptions } from '../../certs/serving.ts'
import type { Doorbell } from './doorbell.ts'
import { type Candidate, takePart } from './election.ts'
import { startRounds } from './rounds.ts'

/** What the service asks of whoever looks after its certificate. */
export interface Certificates {
  /** Why a review that comes here would fail, or undefined when it would not. */
  problem(): string | undefined
  stop(): Promise<void>
}

export interface CertificateOptions extends ServingOptions, Pick<KeeperOptions, 'world' | 'newKey' | 'terms'> {
  readonly candidate: Candidate
  /** Bells that ring when the Secret or a configuration changes. */
  readonly listen: (ring: () => void) => readonly Doorbell[]
  readonly log: (level: 'info' | 'warn', message: string) => void
  /** Hears when this replica takes or loses the Lease. */
  readonly leads: (held: boolean) => void
  readonly pauses?: Pauses
}

/** Milliseconds until the next look at the latest. */
export interface Pauses {
  /** Nothing to do, and every change is heard of. */
  readonly quiet: number
  /** A change might go unheard. */
  readonly deaf: number
}

const PAUSES: Pauses = { quiet: 30_000, deaf: 2_000 }
/** So many writes in a row are a dispute with somebody, and no renewal. */
const MANY = 20

/** Serves the certificate of the Secret and, while this replica holds the Lease, renews and heals what it depends on. */
export function keepCertificates(options: CertificateOptions): Certificates {
  const { log, leads, pauses = PAUSES } = options
  const serving = new Serving(options)
  const keeper = new Keeper({ ...options, serving, say: (message) => log('info', message) })
  const election = takePart({
    candidate: options.candidate,
    changed: (held) => {
      log('info', held ? 'this replica writes the certificates now' : 'this replica no longer writes the certificates')
      leads(held)
      rounds.ring()
    },
    failed: (message) => log('warn', message),
  })
  let writes = 0
  const rounds = startRounds({
    round: async () => {
      writes = (await keeper.round(election.held())) ? writes + 1 : 0
      if (writes === MANY) log('warn', 'the certificates do not come to rest: somebody else writes them too')
      if (writes > 0) return writes < MANY ? 0 : pauses.deaf
      return bells.every((bell) => bell.connected()) ? pauses.quiet : pauses.deaf
    },
    again: pauses.deaf,
    failed: (reason) => log('warn', `certificates cannot be looked after: ${reason}; what is served is served on`),
  })
  const bells = options.listen(rounds.ring)
  return {
    problem: () => serving.problem(),
    stop: async () => {
      for (const bell of bells) bell.stop()
      await rounds.stop()
      await election.stop()
    },
  }
}
