import { highestVersion, parseVersion } from '../migration/version.ts'

/** What a run found applied, and what its steps have made of it: a run that fails has done something all the same. */
export class LiveVersions {
  #applied: Set<string> | undefined
  #from: string | null = null

  /** A look at the database, which knows better than the steps before it. */
  see(applied: readonly string[]): void {
    if (this.#applied === undefined) this.#from = highestVersion(applied) ?? null
    this.#applied = new Set(applied)
  }

  take(version: string, direction: 'up' | 'down'): void {
    if (parseVersion(version) === undefined) return // A repeatable migration moves nothing.
    this.#applied ??= new Set()
    if (direction === 'up') this.#applied.add(version)
    else this.#applied.delete(version)
  }

  get now(): readonly string[] {
    return [...(this.#applied ?? [])]
  }

  /** The highest version at the first look, and now; null where nothing is applied, or nothing was seen. */
  get ends(): { readonly from: string | null; readonly to: string | null } {
    return { from: this.#from, to: highestVersion(this.now) ?? null }
  }
}
