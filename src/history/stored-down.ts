import { gunzipSync } from 'node:zlib'
import { checksumOf } from '../migration/checksum.ts'
import type { Session } from '../postgres/session.ts'
import { identifier, literal } from '../postgres/sql.ts'
import { edited } from './edited.ts'

/** A stored down script as it was read from its file. */
export interface StoredScript {
  readonly file: string
  readonly text: string
  /** It is to run outside a transaction. */
  readonly alone: boolean
}

/** Undefined: the version is not applied any more. Throws `history-untrusted` for a script that is not the stored one. */
export async function storedDown(
  session: Session,
  schema: string,
  set: string,
  version: string,
): Promise<StoredScript | undefined> {
  const table = `${identifier(schema)}.migration`
  const place = `"set" = ${literal(set)} and version = ${literal(version)}`
  const [row] = await session.rows(
    `select down_file, down_script, down_checksum, down_transactional, format from only ${table}
     where ${place} and down_script is not null`,
  )
  if (row === undefined) return undefined
  const text = unpacked(row.down_script as Buffer)
  // Flyway's placeholders are replaced in what is stored, and its checksum is that of the file.
  const same = text !== undefined && (row.format === 'flyway' || checksumOf(text) === row.down_checksum)
  const file = String(row.down_file)
  if (!same) {
    throw edited(
      `the stored down script of version ${version} is not ${file} as it was applied`,
      `UPDATE ${table} SET down_checksum = NULL WHERE ${place}; and deploy the release that has ${file} once more, which stores it again`,
      { version, file },
    )
  }
  return { file, text, alone: row.down_transactional !== true }
}

export function unpacked(script: Buffer): string | undefined {
  try {
    return gunzipSync(script).toString('utf8')
  } catch {
    return undefined // gzip has a checksum of its own.
  }
}
