import type { FormatName } from '../../contract.ts'
import type { Past } from '../../history/write.ts'
import type { Migration } from '../../migration/migration.ts'
import type { Session } from '../../postgres/session.ts'
import { identifier } from '../../postgres/sql.ts'

/** The table in which another tool keeps its history. */
export interface ToolTable {
  readonly schema: string
  readonly name: string
}

/** Something that the tool holds for applied. */
export interface ToolRow {
  /** Canonical; empty for a repeatable migration. */
  readonly version: string
  readonly name: string
  /** The script's file as the tool knows it; empty where it keeps none. */
  readonly file: string
  /** It stands for every version up to its own. */
  readonly baseline?: true
  /** Flyway's number for the script's text. */
  readonly checksum?: number
  readonly past: Past
}

/** What a tool's table says. */
export interface Reading {
  readonly applied: readonly ToolRow[]
  readonly repeatables: readonly ToolRow[]
  /** Every version of the files up to this one counts as applied too. */
  readonly allUpTo?: string
}

/** A tool that a database can be taken over from. Adding one is adding a file that exports one, and a line in `tools.ts`. */
export interface AdoptedTool {
  readonly name: FormatName
  /** As people write it. */
  readonly title: string
  /** The columns of its table, all of them, by which it is known whatever its name is. */
  readonly columns: readonly string[]
  /** Names of the table, the usual first, where the columns say too little; else only the order in which it is looked for. */
  readonly tableNames: readonly string[]
  /** Whether a table of another name counts too: tools let people choose it. */
  readonly anyName: boolean
  /** The advisory locks that its own runs take. */
  lockKeys(table: ToolTable, database: string): readonly bigint[]
  /** Reads the table as the tool would. Throws RunFailure for a state that the tool itself would not go on from. */
  read(session: Session, table: ToolTable): Promise<Reading>
  /** Its files must have every version that its table names: they say what else is applied. */
  readonly namesOnlyTheLast?: true
  /** How its table is kept current. */
  readonly keep: RowPerVersion | OneRow
}

/** Each version has its rows. Statements run with search_path pg_catalog. */
export interface RowPerVersion {
  readonly kind: 'row-per-version'
  /** Rights on the table that it takes. */
  readonly rights: readonly ('INSERT' | 'DELETE')[]
  up(table: ToolTable, migration: Migration): string
  down(table: ToolTable, version: string): string
}

/** One row holds the highest version below which nothing is missing, and whether a step to it is under way. */
export interface OneRow {
  readonly kind: 'one-row'
  readonly rights: readonly ('INSERT' | 'DELETE')[]
  write(table: ToolTable, mark: string | undefined, dirty: boolean): readonly string[]
  /** What the row says; undefined: there is none. */
  look(session: Session, table: ToolTable): Promise<{ readonly version: string; readonly dirty: boolean } | undefined>
}

/** A table of a tool in this database. */
export interface Adoption {
  readonly tool: AdoptedTool
  readonly table: ToolTable
}

/** The table's name as SQL writes it. */
export const nameOf = ({ schema, name }: ToolTable): string => `${identifier(schema)}.${identifier(name)}`

/** The same for messages: `public.changelog`. */
export const shown = ({ schema, name }: ToolTable): string => `${schema}.${name}`

/** A moment as text of ISO 8601; columns without a time zone count in that of the session. */
export const moment = (column: string): string => `to_json(${column}::timestamptz)`

export const textOf = (value: unknown): string => (value === null || value === undefined ? '' : String(value))

export interface Keeper {
  up(migration: Migration): KeepStep
  down(version: string): KeepStep
}

/** What keeps the tool's table current with a step: statements for its transactions. */
export interface KeepStep {
  /** Of the one that begins a step outside a transaction. */
  readonly begun: readonly string[]
  /** Of the one that records the step. */
  readonly record: readonly string[]
}
