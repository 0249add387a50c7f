import { readDirectives } from '../../migration/directives.ts'
import type { Migration, Script } from '../../migration/migration.ts'
import { tableActions } from '../../sql/actions.ts'
import { actionEffects } from '../../sql/effects/alters.ts'
import { effectsOf } from '../../sql/effects/effects.ts'
import type { Parse } from '../../sql/parser.ts'
import { Schema } from '../../sql/schema.ts'
import { readScript, type Statement } from '../../sql/statement.ts'
import { breaks } from './breaks.ts'
import type { Piece, Row } from './row.ts'
import { works } from './works.ts'

/** Whether code that was written for the schema before a script is known to work after it. */
export interface Compatibility {
  /** `breaks`: there is code that fails; `unknown`: no row of the table answers for some statement. */
  readonly verdict: 'works' | 'breaks' | 'unknown'
  /** One for each statement, and for each action of an ALTER TABLE; those that do not work first. */
  readonly reasons: readonly Reason[]
  /** The author's word, which outweighs all of them: `-- lockkeeper: compatible REASON`. */
  readonly word?: string
}

export interface Reason {
  readonly verdict: Compatibility['verdict']
  readonly file: string
  /** 1-based. */
  readonly line: number
  /** One sentence without its stop. */
  readonly text: string
}

export interface Both {
  /** Whether code of the version before works once the up script ran. */
  readonly up: Compatibility
  /** Whether code of this version works once the down script ran. Absent: there is none. */
  readonly down?: Compatibility
}

/** Of every versioned migration, in version order, each read when it is asked for. */
export function* compatibilitiesOf(
  migrations: readonly Migration[],
  parse: Parse,
  downs = true,
): Generator<[Migration, Both]> {
  const schema = new Schema()
  for (const migration of migrations) {
    const { kind, version, up, down } = migration
    if (kind !== 'versioned') continue
    const both = {
      up: ofScript(up, parse, schema, version),
      ...(downs && down && { down: ofScript(down, parse, schema.fork(), `down ${version}`) }),
    }
    yield [migration, both]
  }
}

/** UTF-16 units. A script of more brings data rather than changes, and a run would wait for it to be read. */
const MAX_READ = 256 * 1024

/** `schema` learns what the script does. */
function ofScript(script: Script, parse: Parse, schema: Schema, scope: string): Compatibility {
  const { compatible: word } = readDirectives(script.file, script.text, script.line)
  if (script.text.length > MAX_READ)
    return { ...tooLong(script), ...(word !== undefined && { verdict: 'works', word }) }
  const { statements } = readScript(script, parse)
  const reasons = statements.flatMap((statement) => {
    const own = piecesOf(statement, schema, scope).map((piece) => reasonOf(script, piece))
    for (const effect of effectsOf(statement)) schema.apply(effect, scope)
    return own
  })
  const worst = order.find((verdict) => reasons.some((each) => each.verdict === verdict)) ?? 'works'
  return {
    verdict: word === undefined ? worst : 'works',
    reasons: order.flatMap((verdict) => reasons.filter((each) => each.verdict === verdict)),
    ...(word !== undefined && { word }),
  }
}

const tooLong = ({ file, line }: Script): Compatibility => ({
  verdict: 'unknown',
  reasons: [{ verdict: 'unknown', file, line, text: 'the script is too long to be read for this' }],
})

const order = ['breaks', 'unknown', 'works'] as const

type Judged = Omit<Piece, 'node'> & { readonly node: Piece['node'] | undefined }

function piecesOf(statement: Statement, schema: Schema, scope: string): Judged[] {
  const piece = { statement, node: statement.node, action: undefined, effects: effectsOf(statement), schema, scope }
  const actions = tableActions(statement)
  return actions.length === 0
    ? [piece]
    : actions.map((action) => ({ ...piece, action, effects: actionEffects(action.relation, action.cmd, 'table') }))
}

function reasonOf({ file }: Script, { node, ...rest }: Judged): Reason {
  const row = node === undefined ? undefined : rowFor({ ...rest, node })
  const text =
    row === undefined ? 'no row of the table knows this statement' : `${row.what}: ${row.reason} (${row.source})`
  return { verdict: row?.verdict ?? 'unknown', file, line: rest.statement.line, text }
}

/** What breaks is looked up first. */
export const rowFor = (piece: Piece): Row | undefined => [...breaks, ...works].find((row) => row.matches(piece))
