import { setTimeout as sleep } from 'node:timers/promises'
import { trusts } from '../../certs/inspect.ts'
import type { Bundle } from '../../certs/issue.ts'
import { keepBundle } from '../../certs/keep.ts'
import { secretStore } from './bundle-store.ts'
import { type Clients, reasonOf } from './clients.ts'
import { readTrusts } from './webhooks.ts'

export interface CertificateOptions {
  readonly clients: Clients
  readonly namespace: string
  readonly secret: string
  readonly configuration: string
  readonly names: readonly string[]
  readonly now: () => Date
  readonly log: (level: 'info' | 'warn', message: string) => void
  /** A bundle to serve from now on. */
  readonly serve: (bundle: Bundle) => void
}

export interface Certificates {
  /** Whether both configurations trust what is served. */
  trusted(): boolean
  stop(): void
}

/** A re-applied manifest blanks the caBundle, and another replica may have issued: both are seen within this time. */
const INTERVAL = 5_000

/** Serves the shared bundle, and keeps both configurations trusting it. Resolves when a first bundle is served. */
export async function keepCertificates(options: CertificateOptions): Promise<Certificates> {
  const state: { served: Bundle | undefined; trusted: boolean; stop: AbortController } = {
    served: undefined,
    trusted: false,
    stop: new AbortController(),
  }
  const round = async () => {
    const { clients, namespace, secret, names, now, log } = options
    const store = secretStore(clients, namespace, secret)
    const bundle = await keepBundle({
      store,
      names,
      now,
      issued: (reason) => log('info', `issued a certificate: ${reason}`),
    })
    if (bundle.cert !== state.served?.cert) {
      options.serve(bundle)
      state.served = bundle
    }
    state.trusted = await keepTrust(options, bundle)
  }
  const attempt = async () => {
    try {
      await round()
    } catch (error) {
      options.log('warn', `certificates could not be looked after: ${reasonOf(error)}`)
    }
  }
  await attempt()
  void (async () => {
    while (!state.stop.signal.aborted) {
      await sleep(state.trusted ? INTERVAL : 500, undefined, { signal: state.stop.signal }).catch(() => undefined)
      if (!state.stop.signal.aborted) await attempt()
    }
  })()
  return { trusted: () => state.trusted, stop: () => state.stop.abort() }
}

async function keepTrust({ clients, configuration, log }: CertificateOptions, bundle: Bundle): Promise<boolean> {
  const found = await readTrusts(clients, configuration)
  for (const trust of found) {
    if (trusts(trust.caBundle, bundle)) continue
    await trust.set(bundle.ca)
    log('info', `${trust.webhook} trusts our CA now`)
  }
  return found.length > 0
}
