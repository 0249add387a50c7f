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
  /** SQL as it is sent and stored: placeholders are replaced, the lines are those of the file. */
  readonly text: string
  /**
   * SHA-256, hex, with BOM removed and CRLF and CR made LF. Of the text; where the format has placeholders, of the text
   * as the file has it, so that values may differ between clusters. Only for a repeatable migration the values count
   * too: a changed one must run it again.
   */
  readonly checksum: string
}

/**
 * How a script meets a transaction: `required` (the default: one transaction around all of it), or `none` (its format
 * or its first comment lines say so).
 */
export type TransactionMode = 'required' | 'none'

/**
 * One step. Versioned ones have a version; a repeatable one (Flyway `R__`) is known by its name and runs after them; a
 * baseline (Flyway `B`) stands for the versioned ones up to its version, see `MigrationSet.baselines`.
 */
export interface Migration {
  readonly kind: 'versioned' | 'repeatable' | 'baseline'
  /** Canonical: no leading zeros per dotted part, no trailing `.0`. Empty for a repeatable one. */
  readonly version: string
  readonly name: string
  readonly up: Script
  readonly down?: Script
  readonly transaction: { readonly up: TransactionMode; readonly down: TransactionMode }
  /** `-- lockkeeper: irreversible REASON` in the up script. */
  readonly irreversible?: { readonly reason: string; readonly line: number }
  /** `-- lockkeeper: elsewhere REASON`: it is not run here, but recorded; what it does is not known. `irreversible` too. */
  readonly elsewhere?: true
  /** `-- lockkeeper: nothing-to-undo REASON`, and nothing in the up script speaks against it. `down` has no statement. */
  readonly nothingToUndo?: true
  /**
   * Lowest target whose code is known to work once this migration is applied; code below it is known to break.
   * `-- lockkeeper: floor VERSION` says it; an up script without statements has `0`. Absent: unknown.
   */
  readonly floor?: string
}

/**
 * Moments of a run that moves the schema up at which a format may have scripts run, in their order (names and meaning:
 * Flyway, Callback Events). `beforeEachMigrate` and `afterEachMigrate` belong to the transaction of each migration,
 * repeatable ones too; the others stand by themselves. `afterMigrateApplied` and `afterMigrate` come last.
 */
export const CALLBACK_EVENTS = [
  'beforeMigrate',
  'beforeEachMigrate',
  'afterEachMigrate',
  'afterVersioned',
  'beforeRepeatables',
  'afterMigrateApplied',
  'afterMigrate',
] as const
export type CallbackEvent = (typeof CALLBACK_EVENTS)[number]

/** A script that belongs to a moment, not to a version. */
export interface Callback {
  readonly event: CallbackEvent
  /** Empty where its file has none. */
  readonly name: string
  readonly script: Script
  readonly transaction: TransactionMode
}

/** What was read: the migrations in version order (repeatables last) and what is wrong with the files. */
export interface MigrationSet {
  readonly format: FormatName
  readonly migrations: readonly Migration[]
  /** In the order in which they run: by event, then by name, one without a name first. Absent: none. */
  readonly callbacks?: readonly Callback[]
  /**
   * In version order. On a database without history the highest one up to the target runs instead of every versioned
   * migration up to its version (`firstSteps`); on any other database they mean nothing. Absent: none.
   */
  readonly baselines?: readonly Migration[]
  /** Both directions, sorted by version, file, line. Errors of single migrations carry their `version`. */
  readonly findings: readonly Finding[]
  /** Names of files that are no migrations, and were left out. Absent: none. */
  readonly passedOver?: readonly string[]
}

/** What a format needs to know beside the files. */
export interface FormatOptions {
  /** Values for `${name}` in the scripts of formats that have placeholders; names as their owner wrote them. */
  readonly placeholders: Readonly<Record<string, string>>
}

/** What a format makes of its files. */
export interface ParsedFiles {
  readonly migrations: readonly Migration[]
  readonly callbacks?: readonly Callback[]
  readonly baselines?: readonly Migration[]
  readonly findings: readonly Finding[]
}

/** One file format. Adding a format is adding one file that exports one of these, and a line in `formats.ts`. */
export interface Format {
  readonly name: FormatName
  /** How its files are named, for messages: `000042_add_email.up.sql and 000042_add_email.down.sql`. */
  readonly example: string
  /** Table in which the format's own tool keeps its history, without schema: a down script must leave it alone. */
  readonly historyTable: string
  /** Files in subfolders belong too. Such a format is known by names alone. */
  readonly recurses?: true
  /** Whether a file can only have been written for this format: by its name, or by a marker in its text. */
  recognises(file: SourceFile): boolean
  /** Whether a file of this name belongs to a folder of this format, well-formed or not. A name with `/` is in a subfolder. */
  owns(name: string): boolean
  /**
   * The version that a file of this name would be in this format, whatever it ends in; undefined where the name has none.
   * It says of programs beside the SQL which step they are.
   */
  versionOf(name: string): string | undefined
  /** Whether a file that it does not own is named so that its tool could be set up to run it. */
  isNamed?(name: string): boolean
  /** Files that it owns to migrations. Ambiguity is a finding, never a guess. */
  read(files: readonly SourceFile[], options: FormatOptions): ParsedFiles
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
  /** Keys and checksums of what runs beside the versions, by key: `R:NAME`, `B:VERSION`, `C:EVENT NAME`. Absent: none. */
  readonly unversioned?: readonly { readonly key: string; readonly up: string }[]
  /** Findings that belong to no single version: unreadable, unrecognised or ambiguous files. */
  readonly findings: readonly Finding[]
  /** Text of the proof that came with it (docs/proofs.md): nobody has checked it. */
  readonly proof?: string
}
