/**
 * What `lockkeeper prove` saw of migrations: for each, that its up, its down and its up again left what was there before.
 * docs/proofs.md describes the file. An entry is known by its content: it holds for exactly these scripts behind exactly
 * these predecessors, whatever their files are called.
 */
export interface Proof {
  readonly entries: readonly ProofEntry[]
  /** Absent: nobody vouches for it. */
  readonly signature?: ProofSignature
}

/** The migration that an entry speaks of. */
export interface Proven {
  /** Canonical. */
  readonly version: string
  /** Checksums of its scripts. */
  readonly up: string
  readonly down: string
  /** Digest of everything that runs before it (`digestsBefore`). */
  readonly before: string
}

export interface ProofEntry extends Proven {
  /** PostgreSQL major. */
  readonly postgres: number
  /** What the first migration ran on: an empty database, or a dump, known by the checksum of its text. */
  readonly start: 'empty' | `dump:${string}`
  readonly compared: readonly Comparison[]
  /** UTC, to the second: `2026-11-25T22:46:49Z`. */
  readonly at: string
}

export const COMPARISONS = ['schema', 'rows'] as const

/** One thing that was compared before and after. */
export interface Comparison {
  readonly what: (typeof COMPARISONS)[number]
  /** How much the comparison knows, see `EDITIONS`. */
  readonly edition: number
  readonly result: 'restored' | 'differs'
}

/** Raised when a comparison learns to see more: what an older one saw is then looked at again by the program. */
export const EDITIONS: Readonly<Record<Comparison['what'], number>> = { schema: 1, rows: 1 }

export interface ProofSignature {
  /** The first 16 hex digits of the SHA-256 of the public key (DER, SubjectPublicKeyInfo). */
  readonly key: string
  /** Ed25519 (RFC 8032) over the text above it, base64. */
  readonly value: string
}

/** Whether an entry says that the schema was what it had been. */
export const restoresSchema = ({ compared }: Pick<ProofEntry, 'compared'>): boolean =>
  compared.some(({ what, result }) => what === 'schema' && result === 'restored')
