import { lex } from './lexer.ts'

/** What a statement says of the transaction that it stands in, or of the later ones of its session. */
export interface ModeChange {
  /** `later`: SET SESSION CHARACTERISTICS and the settings default_transaction_…, which leave the open one as it is. */
  readonly of: 'transaction' | 'later'
  readonly modes: Modes
  /** It takes the snapshot of another session, which no BEGIN can say. */
  readonly snapshot: boolean
}

/** Modes of a transaction (PostgreSQL manual, SET TRANSACTION); undefined: not said. */
export interface Modes {
  readonly isolation?: string
  readonly access?: 'read only' | 'read write'
  readonly deferrable?: boolean
  /** A value that this module does not know, such as DEFAULT. */
  readonly unknown?: true
}

const levels = ['serializable', 'repeatable read', 'read committed', 'read uncommitted']
const yes = ['on', 'true', 'yes', '1', 't', 'y']
const no = ['off', 'false', 'no', '0', 'f', 'n']

/** Words in lower case, and what stands in quotes, without them. */
const wordsOf = (text: string): string[] =>
  [...lex(text)]
    .filter(({ kind }) => kind !== 'comment')
    .map(({ kind, start, end }) => {
      const raw = text.slice(start, end)
      return kind === 'string' ? raw.replace(/^e?'|'$|^\$\w*\$|\$\w*\$$/gi, '').toLowerCase() : raw.toLowerCase()
    })
    .map((word) => (word.startsWith('"') ? word.slice(1, -1) : word))

/** Reads a statement that begins with SET; undefined: it sets something else. */
export function modeChangeOf(text: string): ModeChange | undefined {
  const [set, scope, ...more] = wordsOf(text)
  if (set !== 'set' || scope === undefined) return undefined
  const scoped = scope === 'local' || scope === 'session'
  const words = scoped ? more : [scope, ...more]
  const at = words[0] === 'session' ? 1 : 0
  if (words[at] === 'characteristics') {
    return { of: 'later', modes: modesOf(words.slice(at + 3)), snapshot: false }
  }
  if (words[0] === 'transaction') {
    const snapshot = words[1] === 'snapshot'
    return { of: 'transaction', modes: snapshot ? {} : modesOf(words.slice(1)), snapshot }
  }
  const [, session, name] = /^(default_)?transaction_(isolation|read_only|deferrable)$/.exec(words[0] ?? '') ?? []
  if (name === undefined || (session !== undefined && scope === 'local')) return undefined
  return { of: session === undefined ? 'transaction' : 'later', modes: setting(name, words.slice(2)), snapshot: false }
}

function setting(name: string, [value = '', ...rest]: readonly string[]): Modes {
  const on = yes.includes(value) || !no.includes(value)
  if (rest.length > 0 || (name !== 'isolation' && !yes.includes(value) && !no.includes(value))) return { unknown: true }
  if (name === 'read_only') return { access: on ? 'read only' : 'read write' }
  if (name === 'deferrable') return { deferrable: on }
  return levels.includes(value) ? { isolation: value } : { unknown: true }
}

/** Of a list as BEGIN and SET TRANSACTION take it; of two that contradict each other the later counts. */
export function modesOf(words: readonly string[]): Modes {
  let modes: Modes = {}
  for (const mode of words
    .join(' ')
    .split(/ ?, ?|(?<=\S) (?=isolation|read only|read write|not |(?<!not )deferrable)/)) {
    const level = /^isolation level (.+)$/.exec(mode)?.[1]
    if (level !== undefined && levels.includes(level)) modes = { ...modes, isolation: level }
    else if (mode === 'read only' || mode === 'read write') modes = { ...modes, access: mode }
    else if (mode === 'deferrable' || mode === 'not deferrable') modes = { ...modes, deferrable: mode === 'deferrable' }
    else if (mode !== '') modes = { ...modes, unknown: true }
  }
  return modes
}

/** `begin` with modes. */
export const beginWith = ({ isolation, access, deferrable }: Modes): string =>
  `begin ${[
    ...(isolation === undefined ? [] : [`isolation level ${isolation}`]),
    ...(access === undefined ? [] : [access]),
    ...(deferrable === undefined ? [] : [deferrable ? 'deferrable' : 'not deferrable']),
  ].join(', ')}`.trimEnd()

/**
 * Statements that take no snapshot, and after which the server therefore still lets a transaction's modes be set
 * (`PlannedStmtRequiresSnapshot` in pquery.c).
 */
export const takesNoSnapshot = ([one]: readonly string[]): boolean =>
  ['set', 'reset', 'show', 'lock', 'listen', 'unlisten', 'notify'].includes(one ?? '')
