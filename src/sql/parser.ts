import { setFlagsFromString } from 'node:v8'
import { hasSqlDetails, loadModule, type Node, parseSync } from 'libpg-query'

/** What PostgreSQL's own parser makes of one statement: its tree, or why there is none. */
export type Parse = (sql: string) => readonly Node[] | Rejected

export interface Rejected {
  /** The parser's own words. */
  readonly message: string
  /** Offset of the place it names, in UTF-16 units; undefined where it names none. */
  readonly at: number | undefined
}

/** The major version whose grammar the parser has. */
export const PARSER_VERSION = 18

/**
 * Without them V8 optimises the parser's machine code in the background: 400 MB for a second, more than a pod may have, and
 * a thousand migrations are read more slowly for it. Either alone does nothing.
 */
const flags = ['--no-wasm-tier-up', '--no-wasm-dynamic-tiering']

/**
 * Loads the parser (WASM, some 20 ms and 30 MB). Only this folder has it, and only what judges SQL loads this folder.
 * Throws where its WASM is not where the program was put. `spent` is told where a statement was too deep for its stack:
 * it does not give back what it took (memory, some 100 times the statement, and its own stack), and after a few of them it
 * can read nothing. It may throw, so that the statement has no answer.
 */
export async function loadParser(spent: () => void = () => undefined): Promise<Parse> {
  for (const flag of flags) setFlagsFromString(flag)
  try {
    await loadModule()
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new Error(`PostgreSQL's parser cannot be loaded: put libpg-query.wasm beside the program (${why})`)
  }
  return (sql) => parse(sql, spent)
}

function parse(sql: string, spent: () => void): readonly Node[] | Rejected {
  try {
    return (parseSync(sql).stmts ?? []).flatMap(({ stmt }) => (stmt === undefined ? [] : [stmt]))
  } catch (error) {
    if (!(error instanceof Error)) throw error
    if (error instanceof RangeError || error.name === 'RuntimeError') spent()
    const position = hasSqlDetails(error) ? error.sqlDetails?.cursorPosition : undefined
    return { message: error.message, at: position === undefined ? undefined : offsetOf(sql, position) }
  }
}

/** The parser counts characters, a string UTF-16 units. */
function offsetOf(sql: string, characters: number): number {
  let offset = 0
  for (let count = 0; count < characters && offset < sql.length; count++) {
    offset += (sql.codePointAt(offset) ?? 0) > 0xffff ? 2 : 1
  }
  return offset
}
