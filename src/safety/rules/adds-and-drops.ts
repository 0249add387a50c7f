import { type Drop, labelOf, type Make, type Thing, thing } from '../../sql/effects/effect.ts'
import { effectsOf } from '../../sql/effects/effects.ts'
import { found, type Rule } from '../rule.ts'
import { isNew, type Scene } from '../scene.ts'

export const addsAndDrops: Rule = {
  code: 'adds-and-drops',
  finds:
    'The first DROP of something that code uses, in a migration (with --since: a release) that also adds such things.',
  why: 'What is added the new release needs before it starts; what is dropped the old one needs until it is gone. In one step there is no moment at which both work, and no way back between them.',
  source: 'ALTER TABLE, DROP COLUMN; the practice is known as expand and contract, or parallel change',
  only: 'up',
  find(statement, scene) {
    if (!effectsOf(statement).some(({ act }) => act === 'drop')) return []
    const effects = scene.beside.flatMap((each) => effectsOf(each).map((effect) => ({ each, effect })))
    const drops = effects.filter(
      (one): one is typeof one & { effect: Drop } =>
        one.effect.act === 'drop' && isContract(one.effect, effects, scene),
    )
    const added = effects.flatMap(({ effect }) => (effect.act === 'make' && isExpand(effect, drops) ? effect : []))
    const [first] = drops
    const [one] = added
    if (first?.each !== statement || one === undefined) return []
    const gone = labelOf(first.effect.thing)
    return [
      found(
        `drops ${gone} in the release that adds ${labelOf(one.thing)}`,
        `expand, then contract: this release adds ${labelOf(one.thing)} and no longer uses ${gone}; the next one drops ${gone}, when no pod of the one before is left`,
      ),
    ]
  },
  examples: {
    finds: [
      'ALTER TABLE orders ADD COLUMN remark text, DROP COLUMN note',
      'CREATE TABLE purchases (id bigint); DROP TABLE orders',
      'ALTER TABLE orders ADD COLUMN total int; DROP VIEW open_orders; DROP FUNCTION sum_up()',
    ],
    passes: [
      'ALTER TABLE orders ADD COLUMN remark text; CREATE TABLE purchases (id bigint)',
      'ALTER TABLE orders DROP COLUMN note; DROP TABLE purchases',
      'DROP VIEW open_orders; CREATE VIEW open_orders AS SELECT 1 AS id',
      'CREATE TABLE copy AS SELECT * FROM orders; ALTER TABLE orders ADD a int; DROP TABLE copy',
    ],
  },
}

const used: ReadonlySet<string> = new Set([
  'table',
  'column',
  'view',
  'materialized view',
  'function',
  'type',
  'sequence',
])
type Effects = readonly { readonly effect: ReturnType<typeof effectsOf>[number] }[]

/** Takes away what code of the release before may use. */
function isContract({ thing: it }: Drop, effects: Effects, scene: Scene): boolean {
  const again = effects.some(({ effect }) => effect.act === 'make' && isSame(effect.thing, it))
  return used.has(it.kind) && !again && !isNew(scene, it) && !isNew(scene, thing('table', ownerOf(it)))
}

/** Brings what code of this release may use: the outermost thing, and not what is only made to be dropped. */
const isExpand = ({ thing: it }: Make, drops: readonly { readonly effect: Drop }[]) =>
  used.has(it.kind) && !drops.some(({ effect }) => isSame(effect.thing, it))

const isSame = (a: Thing, b: Thing) => a.kind === b.kind && bare(a.name) === bare(b.name)
const bare = (name: string) => name.replace(/\(.*$/, '')
const ownerOf = ({ name }: Thing) => name.split('.').slice(0, -1).join('.')
