import { bundleProblem } from './inspect.ts'
import { type Bundle, issueBundle } from './issue.ts'

/** Where the bundle is kept: one Secret. */
export interface BundleStore {
  /** Undefined when the Secret is there but empty; throws when it is not there. */
  read(): Promise<{ readonly bundle: Bundle | undefined; readonly version: string }>
  /** False when another replica wrote in between. */
  write(bundle: Bundle, version: string): Promise<boolean>
}

export interface KeepOptions {
  readonly store: BundleStore
  readonly names: readonly string[]
  readonly now: () => Date
  /** Says why a bundle was issued. */
  readonly issued: (reason: string) => void
}

/** The bundle that every replica serves: whichever writes first issues it, the others join. */
export async function keepBundle({ store, names, now, issued }: KeepOptions): Promise<Bundle> {
  for (;;) {
    const { bundle, version } = await store.read()
    const problem = bundle === undefined ? 'there is none yet' : bundleProblem(bundle, names, now())
    if (bundle !== undefined && problem === undefined) return bundle
    const fresh = await issueBundle({ names, now: now() })
    if (await store.write(fresh, version)) {
      issued(problem ?? '')
      return fresh
    }
  }
}
