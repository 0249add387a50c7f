import type { Migration } from '../../migration/migration.ts'
import type { Parse } from '../../sql/parser.ts'
import { type Both, type Compatibility, compatibilitiesOf } from './compatibility.ts'

/** What one migration does to the code that was written for the schema before it. */
export interface OwnFloor {
  readonly up: Compatibility
  /**
   * The lowest target whose code is known to work once this migration is applied, as far as this migration goes: `0`
   * where such code is known to work, its own version where there is code that fails, what
   * `-- lockkeeper: floor VERSION` says. Undefined: unknown, which `decide` counts as incompatible on the way back.
   */
  readonly floor: string | undefined
}

/** The own floors of a set, each worked out when it is first asked for: nobody has to wait for all of them. */
export class Floors {
  readonly #known = new Map<string, OwnFloor>()
  readonly #ahead: Generator<[Migration, Both]>

  constructor(migrations: readonly Migration[], parse: Parse) {
    this.#ahead = compatibilitiesOf(migrations, parse, false)
  }

  /** Undefined for a version that the set does not have. */
  of(version: string): OwnFloor | undefined {
    while (!this.#known.has(version)) {
      const next = this.#ahead.next()
      if (next.done === true) return undefined
      const [migration, both] = next.value
      this.#known.set(migration.version, { up: both.up, floor: floorOf(migration, both) })
    }
    return this.#known.get(version)
  }
}

function floorOf({ version, floor, elsewhere }: Migration, { up }: Both): string | undefined {
  if (floor !== undefined) return floor
  if (elsewhere === true && up.word === undefined) return undefined // Its script says nothing of what is done.
  return up.verdict === 'works' ? '0' : up.verdict === 'breaks' ? version : undefined
}
