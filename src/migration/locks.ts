import { lex } from './lexer.ts'

/** The table-level locks, weakest first (PostgreSQL manual, 13.3.1). */
export const LOCK_MODES = [
  'ROW EXCLUSIVE',
  'SHARE UPDATE EXCLUSIVE',
  'SHARE',
  'SHARE ROW EXCLUSIVE',
  'EXCLUSIVE',
  'ACCESS EXCLUSIVE',
] as const
export type LockMode = (typeof LOCK_MODES)[number]

/** A lock that a statement takes on a relation that was there before it. */
export interface Lock {
  readonly mode: LockMode
  /** As the script writes it. */
  readonly relation: string
}

/** What others may not do meanwhile, and so what waits while the lock is waited for. */
export function blockedBy(mode: LockMode): 'reads and writes' | 'writes' | 'nothing' {
  if (mode === 'ACCESS EXCLUSIVE') return 'reads and writes'
  return mode === 'ROW EXCLUSIVE' || mode === 'SHARE UPDATE EXCLUSIVE' ? 'nothing' : 'writes'
}

/** Reads words and names of one statement. */
class Reader {
  readonly #pieces: readonly { readonly raw: string; readonly name: boolean }[]
  constructor(text: string) {
    this.#pieces = [...lex(text)]
      .filter(({ kind }) => kind !== 'comment')
      .map(({ kind, start, end }) => ({ raw: text.slice(start, end), name: kind === 'word' || kind === 'quoted' }))
  }
  is(at: number, words: string): boolean {
    return words.split(' ').every((word, i) => this.#pieces[at + i]?.raw.toLowerCase() === word)
  }
  /** Where some words begin, from a place on; -1: nowhere. */
  find(words: string, from = 0): number {
    return this.#pieces.findIndex((_, at) => at >= from && this.is(at, words))
  }
  has = (words: string): boolean => this.find(words) >= 0
  /** The name at a place, behind the words that may stand before one. */
  nameAt(at: number): string {
    const start = ['if not exists', 'if exists', 'only', 'table', 'concurrently']
      .flatMap((words) => (this.is(at, words) ? [at + words.split(' ').length] : []))
      .at(0)
    if (start !== undefined) return this.nameAt(start)
    let end = at + 1
    while (this.is(end, '.') && this.#pieces[end + 1]?.name) end += 2
    return this.#pieces
      .slice(at, end)
      .map(({ raw }) => raw)
      .join('')
  }
}

/**
 * The locks that a statement is known to take (the manual's pages on the commands); what is not known is left out, and
 * so are relations that it makes itself. Of a long statement the beginning is read.
 */
export function locksOf(text: string): Lock[] {
  const reader = new Reader(beginning(text))
  const one = (mode: LockMode, at: number): Lock[] => (at < 0 ? [] : [{ mode, relation: reader.nameAt(at) }])
  const behind = (words: string) => {
    const at = reader.find(words)
    return at < 0 ? -1 : at + words.split(' ').length
  }
  const referenced = () => one('SHARE ROW EXCLUSIVE', behind('references'))
  if (reader.is(0, 'create')) {
    if (reader.is(1, 'index') || reader.is(1, 'unique index')) {
      return one(reader.has('concurrently') ? 'SHARE UPDATE EXCLUSIVE' : 'SHARE', behind('on'))
    }
    if (reader.is(1, 'policy') || reader.has('rule')) return one('ACCESS EXCLUSIVE', behind('on'))
    if (reader.find('trigger') >= 1 && reader.find('trigger') <= 4) return one('SHARE ROW EXCLUSIVE', behind('on'))
    if (!reader.is(1, 'table')) return []
    return [...one('ACCESS EXCLUSIVE', behind('partition of')), ...referenced()]
  }
  if (reader.is(0, 'alter table')) return [...one(alterMode(reader), 2), ...referenced()]
  if (reader.is(0, 'drop')) {
    const known = ['table', 'index', 'view', 'materialized view', 'sequence'].find((kind) => reader.is(1, kind))
    if (known === undefined) return reader.is(1, 'trigger') ? one('ACCESS EXCLUSIVE', behind('on')) : []
    const weak = known === 'index' && reader.is(2, 'concurrently')
    return one(weak ? 'SHARE UPDATE EXCLUSIVE' : 'ACCESS EXCLUSIVE', 1 + known.split(' ').length)
  }
  if (reader.is(0, 'truncate')) return one('ACCESS EXCLUSIVE', 1)
  if (reader.is(0, 'insert into') || reader.is(0, 'delete from')) return one('ROW EXCLUSIVE', 2)
  if (reader.is(0, 'update')) return one('ROW EXCLUSIVE', 1)
  if (reader.is(0, 'copy') && reader.has('from')) return one('ROW EXCLUSIVE', 1)
  if (reader.is(0, 'comment on table')) return one('SHARE UPDATE EXCLUSIVE', 3)
  if (reader.is(0, 'refresh materialized view')) {
    return one(reader.is(3, 'concurrently') ? 'EXCLUSIVE' : 'ACCESS EXCLUSIVE', 3)
  }
  if (reader.is(0, 'reindex table')) return one(reader.has('concurrently') ? 'SHARE UPDATE EXCLUSIVE' : 'SHARE', 2)
  if (reader.is(0, 'vacuum full')) return one('ACCESS EXCLUSIVE', 2)
  if (reader.is(0, 'vacuum') || reader.is(0, 'analyze')) return one('SHARE UPDATE EXCLUSIVE', 1).filter(isNamed)
  if (reader.is(0, 'lock')) return one(statedMode(reader), 1)
  return []
}

const isNamed = ({ relation }: Lock) => /^["\p{L}_]/u.test(relation)

/** ALTER TABLE takes the strictest lock that one of its actions needs (manual, ALTER TABLE, Description). */
function alterMode(reader: Reader): LockMode {
  if (reader.has('detach partition')) return reader.has('concurrently') ? 'SHARE UPDATE EXCLUSIVE' : 'ACCESS EXCLUSIVE'
  if (reader.has('attach partition') || reader.has('validate constraint')) return 'SHARE UPDATE EXCLUSIVE'
  if (reader.has('set statistics') || reader.has('cluster on')) return 'SHARE UPDATE EXCLUSIVE'
  if (reader.has('enable trigger') || reader.has('disable trigger')) return 'SHARE ROW EXCLUSIVE'
  const alone = !reader.has(',') && !reader.has('add column')
  return reader.has('foreign key') && reader.has('add') && alone ? 'SHARE ROW EXCLUSIVE' : 'ACCESS EXCLUSIVE'
}

function statedMode(reader: Reader): LockMode {
  const stated = [...LOCK_MODES].reverse().find((mode) => reader.has(`in ${mode.toLowerCase()} mode`))
  return stated ?? 'ACCESS EXCLUSIVE'
}

/** Enough to know what a statement does, and no megabyte of rows; cut where nothing can be left open. */
function beginning(text: string): string {
  return text.length <= 4000 ? text : (text.slice(0, 4000).split(/['"$]|\/\*/)[0] ?? '')
}
