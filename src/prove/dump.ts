import { checksumOf } from '../migration/checksum.ts'
import { OpenText } from '../migration/lexer.ts'
import type { MigrationSet } from '../migration/migration.ts'
import { readMigrations } from '../migration/read.ts'
import { lineOf, splitStatements } from '../migration/statements.ts'
import { Problem } from '../problem.ts'

/** A user's plain SQL dump, read so that the runner can run it as one script. */
export interface Dump {
  /** As the user named it. */
  readonly path: string
  readonly text: string
  readonly checksum: string
  /** Roles that it names. */
  readonly roles: readonly string[]
  /** Settings that it makes, by name, with their place: a newer pg_dump makes some that an older server lacks. */
  readonly settings: readonly { readonly name: string; readonly start: number; readonly end: number }[]
}

/** Reads a dump as pg_dump writes it. Throws Problem where it is none that can be run in one database. */
export function readDump(path: string, text: string): Dump {
  if (text.startsWith('PGDMP')) {
    throw new Problem(
      `${path} is a dump in PostgreSQL's own format`,
      'write a plain one: pg_dump --schema-only --format=plain',
    )
  }
  const roles = new Set<string>()
  const settings: Dump['settings'][number][] = []
  try {
    for (const { words, start, end } of splitStatements(text)) {
      if (words[0] === 'create' && words[1] === 'database') throw otherDatabase(path, text, start)
      if (words[0] === 'set' && words[1] !== 'local') settings.push({ name: words[1] ?? '', start, end })
      for (const role of rolesIn(text.slice(start, Math.min(end, start + LONGEST)), words)) roles.add(role)
    }
  } catch (error) {
    if (!(error instanceof OpenText)) throw error
    throw new Problem(`${path} line ${lineOf(text, error.offset)}: ${error.message}`, 'write the dump again')
  }
  return { path, text, checksum: checksumOf(text), roles: [...roles], settings }
}

const otherDatabase = (path: string, text: string, offset: number) =>
  new Problem(
    `${path} line ${lineOf(text, offset)} creates a database of its own`,
    'leave out --create: pg_dump --schema-only',
  )

/** What names a role ends early in its statement; the bodies of functions, and rows, are long. */
const LONGEST = 100_000
const name = `("(?:[^"]|"")+"|[a-z_][a-z0-9_$]*)`
const behindOwner = new RegExp(String.raw`\bOWNER TO ${name}`, 'gi')
const behindTo = new RegExp(String.raw`\b(?:TO|FROM) ${name}(?: WITH GRANT OPTION)?$`, 'i')
const policyRoles = new RegExp(String.raw`\bTO ((?:${name}(?:, )?)+)`, 'i')
const forRole = new RegExp(String.raw`\bFOR ROLE ${name}`, 'i')
const authorization = new RegExp(String.raw`\bAUTHORIZATION ${name}`, 'i')
const NO_ROLE = new Set(['public', 'current_user', 'session_user', 'current_role'])

/** The roles that a statement of pg_dump needs (manual: ALTER … OWNER, GRANT, CREATE POLICY, ALTER DEFAULT PRIVILEGES). */
function rolesIn(statement: string, words: readonly string[]): string[] {
  const found: string[] = []
  const [one, two] = words
  if (one === 'alter') for (const [, role] of statement.matchAll(behindOwner)) found.push(role ?? '')
  if (one === 'grant' || one === 'revoke' || two === 'default') found.push(behindTo.exec(statement)?.[1] ?? '')
  if (two === 'default') found.push(forRole.exec(statement)?.[1] ?? '')
  if (one === 'create' && two === 'policy') found.push(...(policyRoles.exec(statement)?.[1] ?? '').split(', '))
  if (two === 'session' || two === 'schema') found.push(authorization.exec(statement)?.[1] ?? '')
  return found.map(plain).filter((role) => role !== '' && !NO_ROLE.has(role))
}

const plain = (role: string) => (role.startsWith('"') ? role.slice(1, -1).replaceAll('""', '"') : role.toLowerCase())

/** The dump as the one migration of a set, without the settings that the server does not know. */
export function setOfDump({ path, text, settings }: Dump, unknown: readonly string[]): MigrationSet {
  let content = text
  for (const { name: setting, start, end } of settings) {
    if (unknown.includes(setting))
      content = content.slice(0, start) + text.slice(start, end).replace(/[^\r\n]/g, ' ') + content.slice(end)
  }
  const set = readMigrations([{ name: '1_dump.up.sql', content }], { format: 'golang-migrate' })
  const wrong = set.findings.find(({ severity, code }) => severity === 'error' && code !== 'rollback-missing')
  if (wrong !== undefined) throw new Problem(wrong.message.replaceAll('1_dump.up.sql', path), wrong.fix)
  const migrations = set.migrations.map((migration) => ({ ...migration, up: { ...migration.up, file: path } }))
  return { ...set, migrations, findings: [] }
}
