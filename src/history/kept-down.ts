import { gzipSync } from 'node:zlib'
import type { Script } from '../migration/migration.ts'
import type { RunRequest } from '../migration/run-request.ts'
import type { Session } from '../postgres/session.ts'
import { identifier, literal } from '../postgres/sql.ts'
import { edited } from './edited.ts'
import { type StoredScript, unpacked } from './stored-down.ts'
import { type Journal, journalRow } from './write.ts'

/** Its first words name the try, so that it is found without reading what other events have to say. */
const opening = (attempt: string) => `{"attempt":${JSON.stringify(attempt)},`

interface KeptDown {
  readonly file: string
  readonly alone: boolean
  /** gzip, as base64. */
  readonly script: string
}

/** A journal row with the way back of a version that is on its way up, and not in the history yet. */
export function keepDown(
  request: RunRequest,
  journal: Journal,
  attempt: string,
  version: string,
  { file, text, alone }: Pick<Script, 'file' | 'text'> & { readonly alone: boolean },
): string {
  const kept: KeptDown = { file, alone, script: gzipSync(text).toString('base64') }
  const detail = opening(attempt) + JSON.stringify(kept).slice(1)
  return journalRow(request, journal, { event: 'down-kept', version, detail })
}

/** Undefined: the try kept none. Throws `history-untrusted` for one that nobody of ours wrote. */
export async function keptDown(
  session: Session,
  schema: string,
  set: string,
  { attempt, version }: { readonly attempt: string; readonly version: string },
): Promise<StoredScript | undefined> {
  const place = `"set" = ${literal(set)} and event = 'down-kept' and version = ${literal(version)}`
  const start = literal(opening(attempt))
  const [row] = await session.rows(
    `select detail from ${identifier(schema)}.journal where ${place} and starts_with(detail, ${start})`,
  )
  if (row === undefined) return undefined
  const kept = parsed(String(row.detail))
  const text = kept && unpacked(Buffer.from(kept.script, 'base64'))
  if (kept !== undefined && text !== undefined) return { file: kept.file, alone: kept.alone, text }
  throw edited(
    `the way back of version ${version} in ${schema}.journal cannot be read`,
    `see what that step left, take it back by hand, and then: lockkeeper resolve ${version} --retry`,
    { version },
  )
}

function parsed(detail: string): KeptDown | undefined {
  try {
    return JSON.parse(detail) as KeptDown
  } catch {
    return undefined // Said by the caller, with the version that it is about.
  }
}
