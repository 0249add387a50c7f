import type { Bundle } from '../../certs/issue.ts'
import type { World } from '../../certs/keep.ts'

/**
 * One Secret and two webhook configurations in memory, with the API server's optimistic concurrency. It is stricter in one
 * thing: a Secret that is gone, and came and went since it was read, cannot be created either.
 */
export class MemoryWorld {
  secret: Bundle | undefined = { ca: '', caKey: '', cert: '', key: '' }
  readonly configurations: { caBundle: string; version: number }[] = [
    { caBundle: '', version: 0 },
    { caBundle: '', version: 0 },
  ]
  secretWrites = 0
  trustWrites = 0
  /** Hear of every change, as watches do. */
  readonly listeners = new Set<() => void>()
  #version = 0

  /** Somebody writes the Secret, or deletes it. */
  put(secret: Bundle | undefined): void {
    this.secret = secret
    this.#version++
    for (const heard of this.listeners) heard()
  }

  /** Somebody writes a configuration. */
  trust(i: number, caBundle: string): void {
    const configuration = this.configurations[i]
    if (configuration === undefined) throw new Error(`there is no configuration ${i}`)
    configuration.caBundle = caBundle
    configuration.version++
    for (const heard of this.listeners) heard()
  }

  /** The world as one replica sees it. `pass` is waited for before and after each call, and may never come back. */
  seenBy(pass: () => Promise<void> = async () => undefined): World {
    const write = async (unchanged: () => boolean, change: () => void) => {
      await pass()
      const through = unchanged()
      if (through) change()
      await pass()
      return through
    }
    return {
      trusts: async () => {
        await pass()
        const found = this.configurations.map(({ caBundle, version }, i) => ({
          configuration: `configuration ${i}`,
          caBundles: [caBundle],
          set: (wanted: string) =>
            write(
              () => this.configurations[i]?.version === version,
              () => {
                this.trustWrites++
                this.trust(i, wanted)
              },
            ),
        }))
        await pass()
        return found
      },
      secret: async () => {
        await pass()
        const [bundle, version] = [this.secret, this.#version]
        await pass()
        return {
          bundle,
          write: (wanted: Bundle) =>
            write(
              () => this.#version === version,
              () => {
                this.secretWrites++
                this.put(wanted)
              },
            ),
        }
      },
    }
  }
}
