import type { FormatName } from '../contract.ts'
import type { Finding } from './finding.ts'

/** A file as it comes from a folder, a ConfigMap (`data` or decoded `binaryData`) or an image. */
export interface RawFile {
  /** Name without folders, as its owner wrote it. */
  readonly name: string
  readonly content: Uint8Array | string
}

/** A file that is text: UTF-8 was valid and the BOM is gone. Line ends are as they were. */
export interface SourceFile {
  readonly name: string
  readonly text: string
}

/** One direction of a migration. */
export interface Script {
  /** File it stands in. Several scripts may share one file (dbmate, goose, DBDeploy). */
  readonly file: string
  /** 1-based line of the file on which `text` begins. */
  readonly line: number
  /** SQL as it is sent. */
  readonly text: string
  /** SHA-256, hex, of the text with BOM removed and CRLF and CR made LF. */
  readonly checksum: string
}

/**
 * How a script meets a transaction: `required` (the default: one transaction around all of it), or `none` (its format
 * or its first comment lines say so).
 */
export type TransactionMode = 'required' | 'none'

/** One step. Versioned ones have a version; a repeatable one (Flyway `R__`) is known by its name and runs after them. */
export interface Migration {
  readonly kind: 'versioned' | 'repeatable'
  /** Canonical: no leading zeros per dotted part, no trailing `.0`. Empty for a repeatable one. */
  readonly version: string
  readonly name: string
  readonly up: Script
  readonly down?: Script
  readonly transaction: { readonly up: TransactionMode; readonly down: TransactionMode }
  /** `-- lockkeeper: irreversible REASON` in the up script. */
  readonly irreversible?: { readonly reason: string; readonly line: number }
  /**
   * Lowest target whose code is known to work once this migration is applied; code below it is known to break.
   * `-- lockkeeper: floor VERSION` says it; an up script without statements has `0`. Absent: unknown.
   */
  readonly floor?: string
}

/** What was read: the migrations in version order (repeatables last) and what is wrong with the files. */
export interface MigrationSet {
  readonly format: FormatName
  readonly migrations: readonly Migration[]
  /** Both directions, sorted by version, file, line. Errors of single migrations carry their `version`. */
  readonly findings: readonly Finding[]
}

/** What a format needs to know beside the files. */
export interface FormatOptions {
  /** Values for `${name}` in the scripts of formats that have placeholders; names as their owner wrote them. */
  readonly placeholders: Readonly<Record<string, string>>
}

/** One file format. Adding a format is adding one file that exports one of these, and a line in `formats.ts`. */
export interface Format {
  readonly name: FormatName
  /** How its files are named, for messages: `000042_add_email.up.sql and 000042_add_email.down.sql`. */
  readonly example: string
  /** Table in which the format's own tool keeps its history, without schema: a down script must leave it alone. */
  readonly historyTable: string
  /** Whether a file can only have been written for this format: by its name, or by a marker in its text. */
  recognises(file: SourceFile): boolean
  /** Whether a file of this name belongs to a folder of this format, well-formed or not. A name with `/` is in a subfolder. */
  owns(name: string): boolean
  /** Files that it owns to migrations. Ambiguity is a finding, never a guess. */
  read(
    files: readonly SourceFile[],
    options: FormatOptions,
  ): { migrations: readonly Migration[]; findings: readonly Finding[] }
  /** What to write where a migration has no down script: `write 43_add_email.down.sql`. */
  missingDown(migration: Migration): string
  /** Files for `lockkeeper new`, given the highest version there is (undefined for an empty folder). */
  scaffold(highest: string | undefined, name: string): readonly RawFile[]
}

/** A release's migrations without their SQL: what the webhook judges. */
export interface CatalogueEntry {
  readonly version: string
  readonly name: string
  readonly upFile: string
  readonly downFile?: string
  readonly up: string
  readonly down?: string
  readonly irreversible?: string
  readonly floor?: string
  /** Findings of this migration, both directions. */
  readonly findings: readonly Finding[]
}

export interface Catalogue {
  readonly format: FormatName
  /** Version order; repeatables are not in it. */
  readonly entries: readonly CatalogueEntry[]
  /** Findings that belong to no single version: unreadable, unrecognised or ambiguous files. */
  readonly findings: readonly Finding[]
}
