import { lastName } from './schema.ts'

/** What a comment is about. */
export interface CommentTarget {
  /** As COMMENT writes it: `TABLE public.orders`, `CONSTRAINT c ON public.orders`. A scratch database has no name to write. */
  readonly sql: string | undefined
  /** The object, or what it hangs on. */
  readonly about: readonly string[]
}

/** Kinds that COMMENT writes as pg_identify_object says them, longer ones first. */
const plainKinds =
  /^(materialized view|foreign table|event trigger|table|view|index|sequence|function|procedure|aggregate|type|domain|schema|role|publication|server) /

/** Reads the name of a comment (`on table column public.orders.note`), whose words are those of pg_identify_object. */
export function commentTarget(name: string): CommentTarget {
  const words = name.replace(/^on /, '')
  const [, column] = /^[a-z ]*\bcolumn (.+)$/.exec(words) ?? []
  if (column !== undefined)
    return { sql: `COLUMN ${column}`, about: [column, column.slice(0, -lastName(column).length - 1)] }
  const [, kind = '', part, owner = ''] =
    /^(table constraint|domain constraint|trigger|rule|policy) (.+) on (.+)$/.exec(words) ?? []
  if (part !== undefined) {
    const domain = kind === 'domain constraint' ? 'DOMAIN ' : ''
    return {
      sql: `${kind.replace(/^\S+ c/, 'c').toUpperCase()} ${part} ON ${domain}${owner}`,
      about: [`${part} on ${owner}`, owner],
    }
  }
  if (words === 'the database') return { sql: undefined, about: [] }
  const sql = words.replace(/^statistics object /, 'STATISTICS ').replace(plainKinds, (kinds) => kinds.toUpperCase())
  return { sql, about: [words.replace(plainKinds, '')] }
}

/** The statement that gives a comment this text (an expression). */
export function commentStatement(name: string, text: string): string | undefined {
  const { sql } = commentTarget(name)
  return sql && `COMMENT ON ${sql} IS ${text}`
}
