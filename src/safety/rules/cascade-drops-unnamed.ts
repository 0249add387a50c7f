import { labelOf } from '../../sql/effects/effect.ts'
import { effectsOf } from '../../sql/effects/effects.ts'
import { oneLine } from '../../sql/sql-text.ts'
import { found, type Rule } from '../rule.ts'
import { isNew } from '../scene.ts'

export const cascadeDropsUnnamed: Rule = {
  code: 'cascade-drops-unnamed',
  finds: 'CASCADE behind DROP and TRUNCATE.',
  why: 'It takes along whatever depends on the thing on that very server: views, foreign keys, functions, and with TRUNCATE the rows of other tables. Nobody reviewed them, and no down script makes them again.',
  source: '5.15 Dependency Tracking; TRUNCATE, CASCADE',
  find(statement, scene) {
    const { node, text } = statement
    if (node === undefined) return []
    const without = oneLine(text).replace(/\s+CASCADE\b/gi, '')
    const fix = 'name what goes along in statements of its own; without CASCADE PostgreSQL says what that is'
    if ('TruncateStmt' in node) {
      if (node.TruncateStmt.behavior !== 'DROP_CASCADE') return []
      return [found('empties every table with a foreign key to those it names', fix, [`${without};`])]
    }
    const dropped = effectsOf(statement).flatMap((each) => (each.act === 'drop' && each.cascade ? each.thing : []))
    const known = dropped.filter((each) => !isNew(scene, each))
    if (known.length === 0) return []
    return [found(`drops ${known.map(labelOf).join(', ')} and whatever depends on it`, fix, [`${without};`])]
  },
  examples: {
    finds: [
      'DROP TABLE orders CASCADE',
      'ALTER TABLE orders DROP COLUMN note CASCADE',
      'TRUNCATE orders RESTART IDENTITY CASCADE',
      'DROP TYPE order_state, shop.mood CASCADE',
    ],
    passes: [
      'DROP TABLE orders',
      'CREATE TABLE copy (id int); DROP TABLE copy CASCADE',
      'ALTER TABLE orders ADD FOREIGN KEY (a) REFERENCES customers ON DELETE CASCADE NOT VALID',
      'DROP TABLE "CASCADE"',
    ],
  },
}
