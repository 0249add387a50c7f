import { checksumOf } from './checksum.ts'
import type { Script } from './migration.ts'
import type { StatementKind } from './statement-kind.ts'
import { lineOf } from './statements.ts'
import { transactionBody } from './transaction.ts'

/** One statement of a script that runs statement by statement. */
export interface Unit {
  /** 1-based place in the script. */
  readonly n: number
  readonly kind: StatementKind
  readonly file: string
  /** 1-based line of the file on which it begins. */
  readonly line: number
  readonly text: string
  /** Of its text: what tells whether a script was changed between two tries. */
  readonly checksum: string
}

/** The statements of scripts that no transaction may be put around, numbered through. Throws OpenText. */
export const unitsOf = (...scripts: readonly Pick<Script, 'file' | 'line' | 'text'>[]): Unit[] =>
  scripts.flatMap(unitsOfOne).map((unit, i) => ({ n: i + 1, ...unit }))

const unitsOfOne = (script: Pick<Script, 'file' | 'line' | 'text'>): Omit<Unit, 'n'>[] =>
  transactionBody(script).statements.map(({ start, end, kind, data }) => {
    const text = script.text.slice(start, end) + (data === undefined ? '' : dataOf(script.text, end, data))
    const line = lineOf(script.text, start) + script.line - 1
    return { kind, file: script.file, line, text, checksum: checksumOf(text) }
  })

/** From the `;` to the line that ends the rows: so that the unit is a script that reads as the file does. */
const dataOf = (text: string, end: number, data: { readonly end: number }) => text.slice(end, data.end + 2)
