/**
 * How a statement meets a transaction (PostgreSQL manual, the notes of each command):
 * `plain` may run in one, or the server says 25001;
 * `session` changes what the session is for the statements behind it;
 * `concurrent` may not, and leaves traces in the catalog that say how far it came;
 * `repeatable` may not, and running it twice comes to the same;
 * `uncertain` may not, and if its answer is lost nobody knows.
 */
export type StatementKind = 'plain' | 'session' | 'concurrent' | 'repeatable' | 'uncertain'

/** By its words, as `splitStatements` gives them. */
export function kindOf(words: readonly string[]): StatementKind {
  const [one = '', two = ''] = words
  switch (one) {
    case 'create':
      if (words[words.indexOf('index') + 1] === 'concurrently' && isIndex(words)) return 'concurrent'
      if (cluster.has(two)) return 'uncertain'
      return temporary(words) ? 'session' : 'plain'
    case 'drop':
      if (two === 'index' && words[2] === 'concurrently') return 'concurrent'
      return cluster.has(two) ? 'uncertain' : 'plain'
    case 'reindex':
      return reindex(words)
    case 'alter':
      if (two === 'system') return 'repeatable'
      return detaches(words) ? 'concurrent' : 'plain'
    case 'vacuum':
      return 'repeatable'
    case 'cluster':
      return words.length === 1 || (words.length === 2 && two === 'verbose') ? 'repeatable' : 'plain'
    case 'set':
      return ['local', 'transaction', 'constraints'].includes(two) ? 'plain' : 'session'
    case 'prepare':
      return two === 'transaction' ? 'plain' : 'session'
    case 'select':
      return words.includes('set_config') ? 'session' : 'plain'
    default:
      return ['reset', 'discard', 'deallocate', 'listen', 'unlisten', 'load'].includes(one) ? 'session' : 'plain'
  }
}

/** May not run inside a transaction. */
export const isAlone = (kind: StatementKind): boolean => kind !== 'plain' && kind !== 'session'

/** What lies outside a database, or on another server. */
const cluster = new Set(['database', 'tablespace', 'subscription'])

const isIndex = (words: readonly string[]) => words[1] === 'index' || (words[1] === 'unique' && words[2] === 'index')

const temporary = (words: readonly string[]) =>
  words.slice(1, 5).some((word) => word === 'temp' || word === 'temporary') && !words.slice(1, 3).includes('function')

function reindex(words: readonly string[]): StatementKind {
  const options = words[1] === '(' ? words.slice(2, words.indexOf(')')) : []
  const [kind, next] = words.slice(options.length === 0 ? 1 : words.indexOf(')') + 1)
  const off = options[options.indexOf('concurrently') + 1] === 'off'
  if (next === 'concurrently' || (options.includes('concurrently') && !off)) return 'concurrent'
  return kind === 'schema' || kind === 'database' || kind === 'system' ? 'repeatable' : 'plain'
}

const detaches = (words: readonly string[]) =>
  words[1] === 'table' && words.includes('detach') && words.at(-1) === 'concurrently'
