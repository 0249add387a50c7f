import { relationsIn } from '../../sql/effects/constraints.ts'
import { boundBy, type Drop, type Effect, labelOf, type Thing } from '../../sql/effects/effect.ts'
import type { Difference } from './delta.ts'
import type { Doing, PairFound, RollbackRule } from './pair.ts'
import { isSame, ownerOf } from './same.ts'

export const rollbackOrder: RollbackRule = {
  code: 'rollback-order',
  severity: 'error',
  finds: 'A down script that drops a thing before what needs it, or that uses or drops again what it dropped before.',
  why: 'PostgreSQL refuses it (2BP01, 42P01, 42704), so that the rollback fails in the middle of an incident.',
  certainty: 'An error: both things are made by the up script itself, so that it is certain what needs what.',
  find(pair) {
    const present = new Map([...pair.after].filter(([, { how }]) => how === 'made'))
    const gone: Thing[] = []
    const found: PairFound[] = []
    for (const doing of pair.doing.down) {
      const drops = doing.effects.filter((effect): effect is Drop => effect.act === 'drop')
      found.push(...tooLate(doing, gone), ...tooEarly(doing, drops, present))
      for (const effect of doing.effects) {
        if (effect.act === 'set' && effect.what === 'type') retype(effect.of, effect.to, present)
        if (effect.act === 'make') gone.splice(0, gone.length, ...gone.filter((each) => !isSame(each, effect.thing)))
      }
      for (const drop of drops) gone.push(...take(drop, present))
    }
    return found
  },
  examples: {
    finds: [
      {
        up: 'CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (a int REFERENCES a)',
        down: 'DROP TABLE a; DROP TABLE b',
      },
      { up: 'CREATE TABLE t (a int); CREATE VIEW v AS SELECT a FROM t', down: 'DROP TABLE IF EXISTS t; DROP VIEW v' },
      { up: 'CREATE TYPE mood AS ENUM (); CREATE TABLE t (m mood)', down: 'DROP TYPE mood; DROP TABLE t' },
      { up: 'CREATE TABLE t (a int); CREATE INDEX i ON t (a)', down: 'DROP TABLE t; DROP INDEX i' },
      { up: 'CREATE TABLE t (a int)', down: 'DROP TABLE t; DELETE FROM t' },
    ],
    passes: [
      {
        up: 'CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (a int REFERENCES a)',
        down: 'DROP TABLE b; DROP TABLE a',
      },
      { up: 'CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (a int REFERENCES a)', down: 'DROP TABLE a, b' },
      {
        up: 'CREATE TABLE t (a int); CREATE VIEW v AS SELECT a FROM t',
        down: 'DROP TABLE t CASCADE; DROP VIEW IF EXISTS v',
      },
      { up: 'CREATE TABLE t (a int); CREATE INDEX i ON t (a)', down: 'DROP TABLE t; DROP INDEX IF EXISTS i' },
      {
        up: 'CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$; CREATE TRIGGER x BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()',
        down: 'DROP TRIGGER x ON t; DROP FUNCTION f()',
      },
    ],
  },
}

type Present = Map<string, Difference>

/** A column of another type needs its old one no more, nor does its table for it. */
function retype(column: Thing, to: string | undefined, present: Present): void {
  const was = present.get(labelOf(column))
  const table = present.get(`table ${ownerOf(column)}`)
  if (was === undefined) return
  const types = was.needs.filter(({ kind }) => kind === 'type')
  present.set(labelOf(column), boundBy(was, 'type', to))
  if (table !== undefined)
    present.set(labelOf(table.thing), { ...table, needs: table.needs.filter((each) => !has(types, each)) })
}

/** What goes with a thing: what belongs to it, and with CASCADE what needs it. */
function take({ thing, cascade }: Drop, present: Present): Thing[] {
  const going = [...present.values()].filter(
    (each) => isSame(each.thing, thing) || has(each.within, thing) || (cascade && has(each.needs, thing)),
  )
  for (const each of going) present.delete(labelOf(each.thing))
  const inside = going.filter((each) => !isSame(each.thing, thing))
  return [
    ...going.map((each) => each.thing),
    ...inside.flatMap((each) => take({ act: 'drop', thing: each.thing, ifExists: true, cascade }, present)),
  ]
}

const has = (things: readonly Thing[], it: Thing) => things.some((each) => isSame(each, it))

/** Something made by the up script is still there and needs what goes. */
function tooEarly({ statement }: Doing, drops: readonly Drop[], present: Present): PairFound[] {
  const going = drops.map(({ thing }) => thing)
  const stays = (it: Difference) => !has(going, it.thing) && !it.within.some((each) => has(going, each))
  return drops
    .filter(({ cascade }) => !cascade)
    .flatMap(({ thing }) => {
      const needing = [...present.values()].find((each) => stays(each) && has(each.needs, thing))
      if (needing === undefined || ![...present.values()].some((each) => isSame(each.thing, thing))) return []
      return {
        in: 'down' as const,
        statement,
        message: `drops ${labelOf(thing)} while ${labelOf(needing.thing)} needs it, which PostgreSQL refuses (2BP01)`,
        fix: `drop ${labelOf(needing.thing)} first`,
        sql: [],
      }
    })
}

/** It names what an earlier statement of the down script dropped. */
function tooLate({ statement, effects }: Doing, gone: readonly Thing[]): PairFound[] {
  const again = effects.flatMap((each) =>
    each.act === 'drop' && !each.ifExists && has(gone, each.thing) ? each.thing : [],
  )
  const used = isDrop(statement) ? [] : [...relationsIn(statement.node), ...effects.flatMap(tablesOf)]
  const made = effects.flatMap((each) => (each.act === 'make' ? each.thing.name : []))
  const late = gone.find(({ kind, name }) => kind === 'table' && used.includes(name) && !made.includes(name))
  const what = again[0] ?? late
  if (what === undefined || isIfExists(statement)) return []
  return [
    {
      in: 'down',
      statement,
      message: `names ${labelOf(what)}, which is gone by then (42P01, 42704)`,
      fix: 'move it up, in front of what drops it, or remove it',
      sql: [],
    },
  ]
}

/** The tables that have to be there for an effect. */
function tablesOf(effect: Effect): string[] {
  if (effect.act === 'rows') return [effect.table.name]
  if (effect.act === 'drop') return ['column', 'constraint'].includes(effect.thing.kind) ? [ownerOf(effect.thing)] : []
  const things = effect.act === 'make' ? [...effect.within, ...effect.needs] : effect.act === 'set' ? effect.within : []
  return things.flatMap(({ kind, name }) => (kind === 'table' ? name : []))
}

const isDrop = ({ node }: Doing['statement']) => node !== undefined && 'DropStmt' in node
const isIfExists = ({ node }: Doing['statement']) =>
  node !== undefined && 'AlterTableStmt' in node && node.AlterTableStmt.missing_ok === true
