import { OpenText } from '../migration/lexer.ts'
import type { MigrationSet } from '../migration/migration.ts'
import { splitStatements } from '../migration/statements.ts'
import type { Session } from '../postgres/session.ts'
import { literal } from '../postgres/sql.ts'
import { Problem } from '../problem.ts'
import { provideExtensions } from './findings.ts'

/** The extensions that scripts create. */
export function extensionsIn(texts: Iterable<string>): string[] {
  const names = new Set<string>()
  for (const text of texts) {
    // Looking for a word is a hundred times faster than cutting, and most scripts create none.
    if (!/\bextension\b/i.test(text)) continue
    for (const name of createdIn(text)) names.add(name)
  }
  return [...names].sort()
}

function* createdIn(text: string): Generator<string> {
  try {
    for (const { words } of splitStatements(text)) {
      if (words[0] === 'create' && words[1] === 'extension')
        yield words[2] === 'if' ? (words[5] ?? '') : (words[2] ?? '')
    }
  } catch (error) {
    if (!(error instanceof OpenText)) throw error // A finding of the files says so.
  }
}

export const scriptsOf = ({ migrations, callbacks = [], baselines = [] }: MigrationSet): string[] => [
  ...[...baselines, ...migrations].map(({ up }) => up.text),
  ...callbacks.map(({ script }) => script.text),
]

/** Throws Problem naming every extension that the server does not have, before anything runs. */
export async function requireExtensions(session: Session, names: readonly string[], server: string): Promise<void> {
  if (names.length === 0) return
  const rows = await session.rows(
    `select name from unnest(array[${names.map(literal).join(', ')}]::text[]) name where name not in (select a.name from pg_available_extensions a)`,
  )
  if (rows.length === 0) return
  const lacking = rows.map(({ name }) => String(name))
  const plural = lacking.length === 1 ? 'the extension' : 'the extensions'
  throw new Problem(
    `${server} does not have ${plural} ${lacking.join(', ')}, which the scripts create`,
    provideExtensions(lacking),
  )
}
