import fc from 'fast-check'
import { expect, test } from 'vitest'
import { replacePlaceholders } from '../../src/migration/formats/flyway/placeholders.ts'
import { readMigrations } from '../../src/migration/read.ts'

interface Printed {
  readonly file: string
  readonly name: string
}
interface Step {
  readonly parts: readonly bigint[]
  readonly up: Printed
  readonly undo: Printed | undefined
}

const folder = fc.constantFrom('', 'a/', 'Views/', 'a/b c/')
const suffix = fc.constantFrom('.sql', '.SQL', '.Sql')
const name = fc.string({ unit: fc.constantFrom('a', 'Z', '9', '_', ' ', '.', '-', 'é'), maxLength: 6 })
const part = fc.oneof(fc.bigInt(0n, 12n), fc.bigInt(0n, 10n ** 25n))
const parts = fc.array(part, { minLength: 1, maxLength: 4 }).filter((each) => each.some((number) => number > 0n))

/** A file for a version, written in one of the many ways that mean it. */
const printed = (prefix: string, numbers: readonly bigint[]): fc.Arbitrary<Printed> =>
  fc
    .record({
      folder,
      suffix,
      name,
      dot: fc.constantFrom('.', '_'),
      zeros: fc.constantFrom('', '0', '00'),
      bare: fc.boolean(),
    })
    .map(({ folder, suffix, name, dot, zeros, bare }) => {
      const version = numbers.map((number) => zeros + number).join(dot)
      const file = `${folder}${prefix}${version}${bare && name === '' ? '' : `__${name}`}${suffix}`
      return { file, name: name.replaceAll('_', ' ') }
    })

/** Versions that differ only in zero parts at the end are one. */
const trimmed = (numbers: readonly bigint[]) => numbers.slice(0, numbers.findLastIndex((number) => number > 0n) + 1)
const canonical = (numbers: readonly bigint[]) => trimmed(numbers).join('.')

const step = parts.chain((numbers) =>
  fc.record({
    parts: fc.constant(numbers),
    up: printed('V', numbers),
    undo: fc.option(printed('U', numbers), { nil: undefined }),
  }),
)
const steps = fc.uniqueArray(step, { minLength: 1, maxLength: 12, selector: (each) => canonical(each.parts) })
const repeatable = fc
  .record({ folder, suffix, name: name.filter((text) => text !== '') })
  .map(
    (each): Printed => ({ file: `${each.folder}R__${each.name}${each.suffix}`, name: each.name.replaceAll('_', ' ') }),
  )
const repeatables = fc.uniqueArray(repeatable, { maxLength: 4, selector: (each) => each.name })

function byParts({ parts: a }: Step, { parts: b }: Step): number {
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const [left, right] = [a[i] ?? 0n, b[i] ?? 0n]
    if (left !== right) return left < right ? -1 : 1
  }
  return 0
}

test('a set that is printed in any way, into any folders, is read as the same set', () => {
  fc.assert(
    fc.property(steps, repeatables, (versioned, repeated) => {
      const files = [...versioned.flatMap(({ up, undo }) => (undo ? [undo, up] : [up])), ...repeated]
      const set = readMigrations(files.map(({ file }) => ({ name: file, content: `SELECT '${file}';` })))
      const ordered = [...versioned].sort(byParts)
      expect(set.format).toBe('flyway')
      expect(
        set.migrations.map(({ kind, version, name, up, down }) => [kind, version, name, up.file, down?.file]),
      ).toEqual([
        ...ordered.map(({ parts, up, undo }) => ['versioned', canonical(parts), up.name, up.file, undo?.file]),
        ...[...repeated]
          .sort((a, b) => (a.name < b.name ? -1 : 1))
          .map((each) => ['repeatable', '', each.name, each.file, undefined]),
      ])
      expect(set.migrations.every(({ up }) => up.text === `SELECT '${up.file}';`)).toBe(true)
      expect(set.findings.map(({ code, file }) => [code, file])).toEqual(
        ordered.filter(({ undo }) => undo === undefined).map(({ up }) => ['rollback-missing', up.file]),
      )
    }),
  )
})

test('replacing keeps the lines, and what is replaced is what was asked for', () => {
  const plain = fc.string({ unit: fc.constantFrom('a', '{', '}', '\n', "'", ' ', '😀'), maxLength: 8 })
  const value = fc.string({ unit: fc.constantFrom('x', '$', '{', '}', "'"), maxLength: 5 })
  fc.assert(
    fc.property(
      fc.array(fc.tuple(plain, fc.constantFrom('A', 'b')), { maxLength: 6 }),
      plain,
      value,
      value,
      (pairs, end, a, b) => {
        const text = pairs.map(([before, key]) => `${before}\${${key}}`).join('') + end
        const expected = pairs.map(([before, key]) => before + (key === 'A' ? a : b)).join('') + end
        const replaced = replacePlaceholders({ name: 'V1__a.sql', text }, { a, B: b })
        expect(replaced).toEqual({ text: expected, findings: [] })
        expect(replaced.text.split('\n').length).toBe(text.split('\n').length)
      },
    ),
  )
})
