import type { ServerFacts } from '../history/facts.ts'
import type { Migration, Script } from '../migration/migration.ts'
import { lineOf } from '../migration/statements.ts'
import { RunFailure, stateOf } from '../postgres/failure.ts'
import { isDatabaseError, type Session } from '../postgres/session.ts'
import { bytes } from '../postgres/sql.ts'

type Way = Pick<Script, 'file' | 'line' | 'text'>

/** What a version brings, as far as it is to run in this database. */
export type Fitting = Pick<Migration, 'version'> & { readonly up?: Way; readonly down?: Way | undefined }

/** Of a version that is stored as applied, without its up. */
export const waysBack = ({ version, down }: Migration): Fitting => ({ version, down })

/**
 * Refuses scripts with a character that the database's encoding does not have. The server reads a script in its own
 * encoding (PostgreSQL manual, Character Set Support): an up would fail, and a down, which is stored as bytes, would be
 * found out when it is needed. Asks the server nothing where the encoding has every character.
 */
export async function refuseUnfit(
  session: Session,
  { encoding, database }: Pick<ServerFacts, 'encoding' | 'database'>,
  migrations: readonly Fitting[],
): Promise<void> {
  if (encoding === 'UTF8' || encoding === 'SQL_ASCII') return
  const scripts = migrations.flatMap(({ version, up, down }) =>
    [up, down].flatMap((script) => (script === undefined ? [] : { version, script })),
  )
  const character = await lacking(session, scripts)
  const found = scripts.find(({ script }) => character !== undefined && script.text.includes(character))
  if (character === undefined || found === undefined) return
  const { version, script } = found
  const { file, text } = script
  const line = script.line + lineOf(text, text.indexOf(character)) - 1
  const code = `U+${character.codePointAt(0)?.toString(16).toUpperCase().padStart(4, '0')}`
  throw new RunFailure(
    'migration-failed',
    `${file} line ${line} has the character ${character} (${code}), which ${encoding}, the encoding of database ${database}, does not have: the script could never run there`,
    `write ${file} without that character, also in comments, or use a database with the encoding UTF8`,
    { version, file, line, sqlstate: UNTRANSLATABLE },
  )
}

const UNTRANSLATABLE = '22P05'

/** The first character of the scripts that the server's encoding does not have: each is asked for once. */
async function lacking(session: Session, scripts: readonly { readonly script: Way }[]): Promise<string | undefined> {
  const special = new Set<string>()
  for (const { script } of scripts) for (const [each] of script.text.matchAll(/[^\0-\x7f]/gu)) special.add(each)
  if (special.size === 0) return undefined
  const text = bytes(Buffer.from([...special].join('')))
  try {
    await session.rows(`select convert(${text}, 'UTF8', current_setting('server_encoding'))`)
    return undefined
  } catch (error) {
    if (!isDatabaseError(error) || stateOf(error) !== UNTRANSLATABLE) throw error
    // Messages come in the server's language; the bytes in them are the same in each.
    const [sequence = ''] = /0x[0-9a-f]{2}(?: 0x[0-9a-f]{2})*/.exec(error.message) ?? []
    return Buffer.from(sequence.replaceAll(/0x| /g, ''), 'hex').toString('utf8') || undefined
  }
}
