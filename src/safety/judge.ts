import type { Finding } from '../migration/finding.ts'
import type { Migration, MigrationSet, TransactionMode } from '../migration/migration.ts'
import { compareVersions } from '../migration/version.ts'
import type { Thing } from '../sql/effects/effect.ts'
import { effectsOf } from '../sql/effects/effects.ts'
import { PARSER_VERSION, type Parse } from '../sql/parser.ts'
import { Schema } from '../sql/schema.ts'
import { type ReadScript, readScript, type Statement } from '../sql/statement.ts'
import { type Judged, judgedOf } from './judged.ts'
import type { RepairedScript } from './repair.ts'
import { judgeRollback } from './rollback/judge-rollback.ts'
import { rules } from './rules.ts'
import type { Scene } from './scene.ts'
import { type Settled, settle } from './settle.ts'

export interface JudgeOptions {
  readonly parse: Parse
  /** Major version of the server; default: the oldest that is supported. */
  readonly server?: number
  /**
   * Migrations above it are one release: what one of them makes, nobody uses before the last of them ran. Without it
   * every migration is a release of its own.
   */
  readonly since?: string
  /** Leaves the statements to paste out of each fix: no SQL of a user may stand where they go (a catalogue, a review). */
  readonly briefly?: true
}

export const OLDEST_SERVER = 14

export interface Judgement {
  /** By version, up before down, in the order of the file. */
  readonly findings: readonly Finding[]
  /** Warnings that a comment allowed, and why. */
  readonly allowed: readonly { readonly finding: Finding; readonly reason: string }[]
  /** Scripts of one statement that can be put right without a decision. */
  readonly repaired: readonly RepairedScript[]
}

/** What is looked at of a set. */
export type JudgedSet = Pick<MigrationSet, 'migrations' | 'callbacks' | 'baselines'>

/** What there is to say about the SQL of a set. */
export function judge(set: JudgedSet, options: JudgeOptions): Judgement {
  const { migrations } = set
  const { briefly = false, server = OLDEST_SERVER } = options
  const all = migrations.map((migration) => readMigration(migration, options))
  const releases = new Map(
    [...Map.groupBy(all, ({ scope }) => scope)].map(([scope, each]) => [
      scope,
      each.flatMap(({ up }) => up.statements),
    ]),
  )
  const repeated = all.filter(({ migration: { kind } }) => kind === 'repeatable').flatMap(({ up }) => madeBy(up))
  const schema = new Schema()
  const settled: Settled[] = []
  for (const read of all) {
    const { migration, up, down, scope } = read
    const beside = releases.get(scope) ?? []
    const judged = [
      ...judgeScripts(read, { server, schema: schema.fork(), beside }),
      ...(down === undefined || migration.irreversible !== undefined || migration.nothingToUndo
        ? []
        : judgeRollback(up, down, schema, repeated)),
    ]
    for (const statement of up.statements) for (const effect of effectsOf(statement)) schema.apply(effect, scope)
    settled.push(...settle(migration.version, down === undefined ? [up] : [up, down], judged))
  }
  for (const { migration, on } of besideVersions(set, schema)) {
    const read = readMigration(migration, options)
    settled.push(...settle('', [read.up], judgeScripts(read, { server, schema: on, beside: read.up.statements })))
  }
  const open = settled.filter(({ reason }) => reason === undefined)
  return {
    findings: open.map(({ finding, brief }) => (briefly ? { ...finding, fix: brief } : finding)),
    allowed: settled.flatMap(({ finding, reason }) => (reason === undefined ? [] : { finding, reason })),
    repaired: open.flatMap(({ repaired }) => repaired),
  }
}

/** Callbacks, on the schema that all versions make, and baselines, each on an empty one: no version is theirs. */
const besideVersions = ({ baselines = [], callbacks = [] }: JudgedSet, schema: Schema) => [
  ...baselines.map(({ down: _, ...baseline }) => ({ migration: { ...baseline, version: '' }, on: new Schema() })),
  ...callbacks.map(({ script, transaction }) => ({
    migration: {
      kind: 'repeatable',
      version: '',
      name: script.file,
      up: script,
      transaction: { up: transaction, down: 'required' },
    } satisfies Migration,
    on: schema.fork(),
  })),
]

interface ReadMigration {
  readonly migration: Migration
  readonly up: ReadScript
  readonly down: ReadScript | undefined
  readonly scope: string
}

const readMigration = (migration: Migration, { parse, since, server }: JudgeOptions): ReadMigration => ({
  migration,
  up: readScript(migration.up, parse),
  down: migration.down && readScript(migration.down, parse, ofRejected(migration, server)),
  scope: scopeOf(migration, since),
})

/**
 * A down script that the parser rejects undoes nothing: extensions add no grammar, so that only a server newer than the
 * parser could accept it. One of a migration that is declared irreversible never runs.
 */
const ofRejected = ({ irreversible }: Migration, server: number = OLDEST_SERVER): Finding['severity'] =>
  irreversible === undefined && server <= PARSER_VERSION ? 'error' : 'warning'

const madeBy = ({ statements }: ReadScript): Thing[] =>
  statements.flatMap((each) => effectsOf(each).flatMap((effect) => (effect.act === 'make' ? effect.thing : [])))

/** Repeatable migrations have no version; each is a release of its own. */
const scopeOf = ({ kind, version, name }: Migration, since: string | undefined): string =>
  kind === 'versioned' && since !== undefined && compareVersions(version, since) > 0
    ? 'release'
    : `${kind} ${version} ${name}`

type Around = Pick<Scene, 'server' | 'schema' | 'beside'>

/** Both scripts, the down on the schema that the up leaves. */
function judgeScripts({ migration: { transaction }, up, down, scope }: ReadMigration, around: Around): Judged[] {
  const own = judgeScript(up, transaction.up, { ...around, direction: 'up', scope })
  if (down === undefined) return own
  const back = { server: around.server, schema: around.schema, beside: down.statements }
  return [...own, ...judgeScript(down, transaction.down, { ...back, direction: 'down', scope: `down ${scope}` })]
}

/** The findings of the rules about single statements. `around.schema` learns what the script does. */
function judgeScript(
  { script, statements, unread }: ReadScript,
  mode: TransactionMode,
  around: Omit<Scene, 'before'>,
): Judged[] {
  const own = rules.filter(({ only }) => only === undefined || only === around.direction)
  const judged: Judged[] = [...unread]
  const before: Statement[] = []
  for (const statement of statements) {
    const scene = { ...around, before }
    for (const rule of statement.bulk === true ? [] : own) {
      for (const found of rule.find(statement, scene)) judged.push(judgedOf(rule.code, script, statement, found))
    }
    const effects = effectsOf(statement)
    for (const effect of effects) around.schema.apply(effect, around.scope)
    const bringsRows = effects.every((effect) => effect.act === 'rows' && effect.verb === 'insert')
    if (mode === 'required' && !(bringsRows && effects.length > 0)) before.push(statement)
  }
  return judged
}
