import { type Drop, labelOf, type Make, type Thing, thing } from '../../sql/effects/effect.ts'
import { effectsOf } from '../../sql/effects/effects.ts'
import type { Statement } from '../../sql/statement.ts'
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
    const drops = effectsOf(statement).filter((effect) => effect.act === 'drop')
    if (drops.length === 0) return []
    const { made, one, said } = makesOf(scene.beside)
    const first = drops.find((effect) => isContract(effect, made, scene))
    if (one === undefined || first === undefined || (said.statement ?? statement) !== statement) return []
    said.statement = statement
    const gone = labelOf(first.thing)
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

interface Makes {
  /** What they make, as `keyOf` names it. */
  readonly made: ReadonlySet<string>
  /** The first that code of this release may use. */
  readonly one: Make | undefined
  /** The statement of which it was said. */
  readonly said: { statement?: Statement }
}

/** Asked for each statement of a release, and the same for all of them. */
const known = new WeakMap<readonly Statement[], Makes>()

function makesOf(beside: readonly Statement[]): Makes {
  const before = known.get(beside)
  if (before !== undefined) return before
  const makes = beside.flatMap((each) => effectsOf(each).filter((effect) => effect.act === 'make'))
  const made = new Set(makes.map(({ thing: it }) => keyOf(it)))
  const one = makes.find(({ thing: it }) => used.has(it.kind))
  const makesHere = { made, one, said: {} }
  known.set(beside, makesHere)
  return makesHere
}

/** Takes away what code of the release before may use. */
const isContract = ({ thing: it }: Drop, made: ReadonlySet<string>, scene: Scene): boolean =>
  used.has(it.kind) && !made.has(keyOf(it)) && !isNew(scene, it) && !isNew(scene, thing('table', ownerOf(it)))

const keyOf = ({ kind, name }: Thing) => `${kind} ${bare(name)}`
const bare = (name: string) => name.replace(/\(.*$/, '')
const ownerOf = ({ name }: Thing) => name.split('.').slice(0, -1).join('.')
