import { crc32, gzipSync } from 'node:zlib'
import type { FormatName } from '../contract.ts'
import type { Migration } from '../migration/migration.ts'
import { repeatableKey } from '../migration/repeatable.ts'
import type { RunRequest } from '../migration/run-request.ts'
import { bytes, endOfPiece, identifier, literal } from '../postgres/sql.ts'
import { LAYOUT } from './ddl.ts'
import { partsOf } from './interval.ts'
import { ownRow } from './requirement.ts'

/** Numbers the journal rows of one run. */
export interface Journal {
  readonly run: string
  n: number
}

export interface JournalEntry {
  readonly event:
    | 'applied'
    | 'reverted'
    | 'failed'
    | 'adopted'
    | 'down-replaced'
    | 'files-rechecked'
    | 'forgotten'
    | 'callback'
    | 'up-accepted'
    // Of steps that run statement by statement
    | 'begun'
    | 'down-kept'
    | 'started'
    | 'done'
    | 'retried'
    | 'resolved'
  readonly version?: string
  readonly detail?: string
  /** The try of a step that runs statement by statement, and the statement. */
  readonly attempt?: string
  readonly statement?: number
}

/** The table of an adopted tool that every later step keeps current. */
export interface Kept {
  readonly tool: FormatName
  readonly table: { readonly schema: string; readonly name: string }
  /** What a table of one row said when we wrote it last; null: no row. */
  readonly mark: string | null
  readonly dirty: boolean
}

/** What another tool knows of a version that it applied. */
export interface Past {
  /** ISO 8601. */
  readonly appliedAt?: string
  readonly appliedBy?: string
  readonly durationMs?: number
}

/** Milliseconds since the transaction began, as an expression of the server. */
export const elapsed =
  "(pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - pg_catalog.now()) * 1000)::pg_catalog.int4"

export function journalRow(request: RunRequest, journal: Journal, entry: JournalEntry): string {
  const { event, version, detail, attempt, statement } = entry
  journal.n += 1
  const { owner, set, historySchema } = request
  return `INSERT INTO ${identifier(historySchema)}.journal
  (run, n, "set", at, event, version, duration_ms, workload, token, done_by, detail, attempt, statement)
  VALUES ('${journal.run}', ${journal.n}, ${literal(set)}, pg_catalog.clock_timestamp(), '${event}', ${literal(version)}, ${elapsed},
    ${literal(owner?.workload)}, ${owner?.token ?? 'NULL'}, session_user, ${literal(detail)},
    ${literal(attempt)}, ${statement ?? 'NULL'})`
}

/**
 * A set begins with an epoch, and every change of its history raises it. Where somebody took the row of a set that had
 * one, it begins above the stamps that are left: none of them may ever say again that its schema is there.
 */
export function beginSet({ historySchema, set }: RunRequest, kept?: Kept): string {
  const [s, name] = [identifier(historySchema), literal(set)]
  const above = `(SELECT coalesce(max(stamp), 0) + 1 FROM ONLY ${s}.requirement WHERE "set" = ${name})`
  return `INSERT INTO ${s}.state ("set", layout, epoch${kept === undefined ? '' : ', keeps'})
  VALUES (${name}, '${LAYOUT}', ${above}${kept === undefined ? '' : `, ${literal(JSON.stringify(kept))}`})`
}

export const setKept = ({ historySchema, set }: RunRequest, kept: Kept): string =>
  `UPDATE ONLY ${identifier(historySchema)}.state SET keeps = ${literal(JSON.stringify(kept))} WHERE "set" = ${literal(set)}`

/** Locks the set's row, as `raiseEpoch` does: no start of an application is decided while a step is recorded. */
export const lockSet = ({ historySchema, set }: RunRequest): string =>
  `SELECT FROM ONLY ${identifier(historySchema)}.state WHERE "set" = ${literal(set)} FOR UPDATE`

export const raiseEpoch = ({ historySchema, set }: RunRequest): string =>
  `UPDATE ONLY ${identifier(historySchema)}.state SET epoch = epoch + 1 WHERE "set" = ${literal(set)}`

export function insertMigration(
  request: RunRequest,
  journal: Journal,
  format: FormatName,
  migration: Migration,
  origin: 'lockkeeper' | 'adopted' | 'baseline' | FormatName,
  past?: Past,
): string {
  const { historySchema, set, owner } = request
  const { version, name, up, down, floor, transaction } = migration
  return `INSERT INTO ${identifier(historySchema)}.migration
  ("set", version, name, format, up_file, up_script, up_checksum, down_file, down_script, down_checksum, transactional, down_transactional, floor,
   applied_at, duration_ms, applied_by, token, run, origin)
  VALUES (${[set, version, name, format, up.file].map(literal).join(', ')}, ${packed(up.text)}, ${literal(up.checksum)},
    ${literal(down?.file)}, ${down === undefined ? 'NULL' : packed(down.text)}, ${literal(down?.checksum)}, ${transaction.up === 'required'},
    ${transaction.down === 'required'}, ${literal(floor)},
    ${past?.appliedAt === undefined ? 'pg_catalog.clock_timestamp()' : `${literal(past.appliedAt)}::pg_catalog.timestamptz`},
    ${past === undefined ? elapsed : (past.durationMs ?? 0)}, ${past?.appliedBy === undefined ? 'session_user' : literal(past.appliedBy)},
    ${owner?.token ?? 'NULL'}, '${journal.run}', '${origin}')`
}

/** Beyond this, speed and memory matter more than a few percent of size. */
const LARGE = 1024 * 1024
const SMALL = 512
const HEAD = 15
const TAIL = 8

/** A script as it is stored. A window no larger than the text: zlib clears all of it first, which costs more than a small script. */
export function packed(text: string): string {
  if (text.length > LARGE) return bytes(packedInParts(text))
  const plain = Buffer.from(text, 'utf8')
  if (plain.length <= SMALL) return bytes(stored(plain))
  const windowBits = Math.min(15, Math.max(9, Math.ceil(Math.log2(plain.length + 1))))
  return bytes(gzipSync(plain, { windowBits, memLevel: Math.min(8, windowBits - 7) }))
}

/**
 * A gzip file of one stored block (RFC 1951, 3.2.4; RFC 1952, 2.3): a text of a few lines hardly shrinks, and setting
 * zlib up for it costs more than all the rest of a small step.
 */
function stored(plain: Buffer): Buffer {
  const file = Buffer.alloc(HEAD + plain.length + TAIL)
  file.set([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255, 1])
  file.writeUInt16LE(plain.length, 11)
  file.writeUInt16LE(~plain.length & 0xffff, 13)
  plain.copy(file, HEAD)
  file.writeUInt32LE(crc32(plain), HEAD + plain.length)
  file.writeUInt32LE(plain.length, HEAD + plain.length + 4)
  return file
}

/** Members of a gzip file follow one another (RFC 1952, 2.2), so a large text needs no copy of the whole. */
function packedInParts(text: string): Buffer {
  const parts: Buffer[] = []
  const room = Buffer.allocUnsafe(3 * (LARGE + 1))
  for (let at = 0, end = 0; at < text.length; at = end) {
    end = endOfPiece(text, at + LARGE)
    parts.push(gzipSync(room.subarray(0, room.write(text.slice(at, end))), { level: 1 }))
  }
  return Buffer.concat(parts)
}

export const deleteMigration = ({ historySchema, set }: RunRequest, version: string): string =>
  `DELETE FROM ONLY ${identifier(historySchema)}.migration WHERE "set" = ${literal(set)} AND version = ${literal(version)}`

/** A down script may drop what a repeatable migration made, so each runs again with the next run that may. */
export const forgetRepeatables = ({ historySchema, set }: RunRequest): string =>
  `DELETE FROM ONLY ${identifier(historySchema)}.migration WHERE "set" = ${literal(set)} AND version LIKE ${literal(repeatableKey('%'))}`

/** What this workload's runs reached, when a step takes it further. It returns, as `newer`, whether a newer rollout is recorded. */
export function raiseReached({ owner, historySchema, set }: RunRequest, version: string): string[] {
  if (owner === undefined) return []
  // A newer rollout may have taken the workload to another set, where nothing is reached by this one.
  const further = `"set" = ${literal(set)} AND (reached IS NULL OR ${partsOf('reached')} < ${partsOf(literal(version))})`
  return [
    `UPDATE ONLY ${identifier(historySchema)}.requirement SET reached = CASE WHEN ${further} THEN ${literal(version)} ELSE reached END
  WHERE ${ownRow(owner)} RETURNING token > ${owner.token} AS newer`,
  ]
}

/** A changed up script that was accepted takes the place of the stored one. */
export const replaceUp = ({ historySchema, set }: RunRequest, { version, name, up }: Migration): string =>
  `UPDATE ONLY ${identifier(historySchema)}.migration SET name = ${literal(name)}, up_file = ${literal(up.file)}, up_script = ${packed(up.text)},
   up_checksum = ${literal(up.checksum)} WHERE "set" = ${literal(set)} AND version = ${literal(version)}`

/** A corrected down script takes the place of the stored one. */
export function replaceDown({ historySchema, set }: RunRequest, { version, down, transaction }: Migration): string[] {
  if (down === undefined) return []
  return [
    `UPDATE ONLY ${identifier(historySchema)}.migration SET down_file = ${literal(down.file)}, down_script = ${packed(down.text)},
     down_checksum = ${literal(down.checksum)}, down_transactional = ${transaction.down === 'required'} WHERE "set" = ${literal(set)} AND version = ${literal(version)}`,
  ]
}
