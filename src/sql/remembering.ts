import type { Parse } from './parser.ts'

/**
 * A parser that knows again what it read: statements of at most `room` UTF-16 units together, those used last. A tree
 * takes some 60 times the memory of its statement.
 */
export function remembering(parse: Parse, room: number): Parse {
  const known = new Map<string, ReturnType<Parse>>()
  let kept = 0
  return (sql) => {
    const before = known.get(sql)
    const result = before ?? parse(sql)
    if (before !== undefined) known.delete(sql)
    else kept += sql.length
    known.set(sql, result)
    for (const [oldest] of known) {
      if (kept <= room) break
      known.delete(oldest)
      kept -= oldest.length
    }
    return result
  }
}
