import type { FormatName } from '../contract.ts'
import type { Catalogue } from '../migration/migration.ts'

/** A namespace as far as admission depends on it. */
export interface NamespaceFacts {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
}

/** Which ConfigMaps a review needs, and how their files are read. */
export interface SourceRequest {
  readonly namespace: string
  readonly configMaps: readonly string[]
  /** It is one, and holds a catalogue instead of files. */
  readonly catalogue?: boolean
  /** ConfigMap whose catalogue holds the proof of files in ConfigMaps; read where the policy asks for one. */
  readonly proofs?: string
  /** Migrations above it are what this release brings. */
  readonly since?: string
  readonly format: FormatName | undefined
  readonly historySchema: string
  readonly placeholders: Readonly<Record<string, string>>
}

/** What reading them gave. */
export type SourceOutcome =
  | {
      readonly kind: 'read'
      readonly catalogue: Catalogue
      /** Whether every one of them is immutable: then even a dry run sees what will be. */
      readonly immutable: boolean
      /** Files to mount; none of a catalogue's ConfigMap. */
      readonly items: readonly { readonly configMap: string; readonly keys: readonly string[] }[]
    }
  | { readonly kind: 'missing'; readonly configMap: string }
  /** The API server did not answer, or not in time; or what it holds is no catalogue, and `fix` says how to write one. */
  | { readonly kind: 'failed'; readonly configMap: string; readonly reason: string; readonly fix?: string }

/** Keys of the Secret that names the database; `unknown` where nobody let us look. */
export type SecretKeys = readonly string[] | 'missing' | 'unknown'

/** Everything outside the review that an answer depends on. */
export interface Facts {
  readonly namespace: NamespaceFacts
  /** Undefined when it was not needed. */
  readonly source: SourceOutcome | undefined
  readonly secretKeys: SecretKeys
  /** UID of the namespace kube-system. */
  readonly cluster: string
  readonly runnerImage: string
  readonly imagePullPolicy: string
  /** Milliseconds of the epoch. */
  readonly now: number
}
