/** How long things last, in milliseconds. Tests compress them; nothing else does. */
export interface Terms {
  readonly authority: number
  readonly leaf: number
  /** By how much the clocks of replicas, API servers and their past selves may differ; certificates are backdated by it. */
  readonly clocks: number
  /**
   * How long both configurations must have been seen with a new CA before a leaf of it is served: every API server
   * hears of a changed configuration through a watch of its own.
   */
  readonly settle: number
}

const HOUR = 3_600_000
const DAY = 24 * HOUR

export const TERMS: Terms = { authority: 365 * DAY, leaf: 30 * DAY, clocks: HOUR, settle: 60_000 }
