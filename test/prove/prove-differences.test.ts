import { describe, expect, test } from 'vitest'
import { type Difference, differences, isFault } from '../../src/prove/differences.ts'
import { hintFor } from '../../src/prove/hint.ts'
import type { Facets } from '../../src/prove/schema.ts'
import { diffLines, shown } from '../../src/prove/show-difference.ts'

type Line = readonly [kind: string, name: string, facets: Facets]
const schema = (...lines: readonly Line[]) => lines.map((line) => JSON.stringify(line)).join('\n')
const between = (before: readonly Line[], after: readonly Line[]) => differences(schema(...before), schema(...after))
const brief = (all: readonly Difference[]) => all.map(({ what, object }) => `${what} ${object.kind} ${object.name}`)

const t: Line = ['table', 'public.t', { owner: 'a', 'column order': ['id', 'v'] }]
const id: Line = ['column', 'public.t.id', { type: 'integer', 'not null': true }]

describe('two schemas', () => {
  test('that are the same text do not differ', () => {
    expect(between([t, id], [t, id])).toEqual([])
  })

  test('that were read in another order do not differ', () => {
    expect(between([t, id], [id, t])).toEqual([])
  })

  test.each<[string, Line[], string[]]>([
    [
      'its columns, constraints, indexes, triggers, policies, rules, sequences and comments',
      [
        t,
        id,
        ['constraint', 't_pkey on public.t', {}],
        ['index', 'public.t_pkey', { definition: 'CREATE UNIQUE INDEX t_pkey ON public.t USING btree (id)' }],
        ['trigger', 'x on public.t', {}],
        ['policy', '"p on q" on public.t', {}],
        ['rule', 'r on public.t', {}],
        ['sequence', 'public.t_id_seq', { 'owned by': 'public.t.id' }],
        ['comment', 'on table public.t', {}],
        ['comment', 'on table column public.t.id', {}],
        ['comment', 'on table constraint t_pkey on public.t', {}],
        ['comment', 'on trigger x on public.t', {}],
      ],
      ['table public.t'],
    ],
    [
      'what hangs on a name with dots, quotes and " on " in it',
      [
        ['table', 'public."a.b on ""c"', {}],
        ['column', 'public."a.b on ""c"."d.e"', {}],
        ['constraint', '"x on y" on public."a.b on ""c"', {}],
        ['comment', 'on table column public."a.b on ""c"."d.e"', {}],
      ],
      ['table public."a.b on ""c"'],
    ],
    [
      'the attributes of a type and the constraints of a domain',
      [
        ['type', 'public.p', {}],
        ['attribute', 'public.p.a', {}],
        ['domain', 'public.d', {}],
        ['domain constraint', 'c on public.d', {}],
        ['comment', 'on domain constraint c on public.d', {}],
      ],
      ['domain public.d', 'type public.p'],
    ],
    [
      'the index and the comment of a constraint',
      [
        ['constraint', 'u on public.t', {}],
        ['index', 'public.u', { definition: 'CREATE UNIQUE INDEX u ON ONLY public.t USING btree (v)' }],
        ['comment', 'on table constraint u on public.t', {}],
      ],
      ['constraint u on public.t'],
    ],
    [
      'NOT NULL of a column as PostgreSQL 18 has it',
      [
        ['column', 'public.t.v', { 'not null': true }],
        ['constraint', 't_v_not_null on public.t', { definition: 'NOT NULL v' }],
      ],
      ['column public.t.v'],
    ],
  ])('are said to differ by an object, and not again by %s', (_, more, wanted) => {
    const rest: Line[] = [['schema', 'public', {}]]
    expect(brief(between(rest, [...rest, ...more]))).toEqual(wanted.map((each) => `left ${each}`))
    expect(brief(between([...rest, ...more], rest))).toEqual(wanted.map((each) => `gone ${each}`))
  })

  test('that differ in NOT NULL differ in that alone, constraint or not', () => {
    const nullable: Line = ['column', 'public.t.id', { type: 'integer' }]
    const all = between([t, id, ['constraint', 'n on public.t', { definition: 'NOT NULL id' }]], [t, nullable])
    expect(all).toMatchObject([{ what: 'changed', facet: 'not null', before: true, after: undefined }])
  })

  test('of which one has a constraint of NOT NULL under another name differ', () => {
    const named = (name: string): Line => ['constraint', `${name} on public.t`, { definition: 'NOT NULL id' }]
    expect(brief(between([t, id, named('a')], [t, id, named('b')]))).toEqual([
      'gone constraint a on public.t',
      'left constraint b on public.t',
    ])
  })

  test('whose columns stand in another order differ by a note; one column more is no matter of order', () => {
    const order = (...names: string[]): Line => ['table', 'public.t', { 'column order': names }]
    const note = between([order('a', 'b')], [order('b', 'a')])
    expect(note).toMatchObject([{ what: 'changed', facet: 'column order', note: true }])
    expect(note.some(isFault)).toBe(false)
    expect(between([order('a')], [order('b', 'a')])).toEqual([])
  })
})

const changed = (
  kind: string,
  name: string,
  facet: string,
  before: unknown,
  after: unknown,
  facets: Facets = {},
): Difference => ({ what: 'changed', object: { kind, name, facets }, facet, before, after }) as Difference
const one = (what: 'left' | 'gone', kind: string, name: string, facets: Facets = {}): Difference => ({
  what,
  object: { kind, name, facets },
})

describe('what a down script lacks', () => {
  test.each<[Difference, string | undefined]>([
    [one('left', 'materialized view', 'public.m'), 'DROP MATERIALIZED VIEW public.m'],
    [one('left', 'function', 'public.f(integer, text)'), 'DROP FUNCTION public.f(integer, text)'],
    [one('left', 'rule', 'r on public.t'), 'DROP RULE r ON public.t'],
    [one('left', 'domain constraint', 'c on public.d'), 'ALTER DOMAIN public.d DROP CONSTRAINT c'],
    [one('left', 'user mapping', 'for a server s'), 'DROP USER MAPPING for a server s'],
    [one('left', 'settings', 'of role a'), undefined],
    [one('left', 'comment', 'on materialized view public.m'), 'COMMENT ON MATERIALIZED VIEW public.m IS NULL'],
    [one('left', 'comment', 'on view column public.v.a'), 'COMMENT ON COLUMN public.v.a IS NULL'],
    [
      one('left', 'comment', 'on domain constraint c on public.d'),
      'COMMENT ON CONSTRAINT c ON DOMAIN public.d IS NULL',
    ],
    [
      one('left', 'comment', 'on function public.f(character varying)'),
      'COMMENT ON FUNCTION public.f(character varying) IS NULL',
    ],
    [one('left', 'comment', 'on policy "a on b" on public.t'), 'COMMENT ON POLICY "a on b" ON public.t IS NULL'],
    [one('left', 'comment', 'on statistics object public.s'), 'COMMENT ON STATISTICS public.s IS NULL'],
    [one('gone', 'comment', 'on schema s', { text: "it's" }), "COMMENT ON SCHEMA s IS 'it''s'"],
    [one('gone', 'view', 'public.v', { definition: ' SELECT 1;' }), 'CREATE VIEW public.v AS SELECT 1;'],
    [
      one('gone', 'index', 'public.i', { definition: 'CREATE INDEX i ON public.t USING btree (a)' }),
      'CREATE INDEX i ON public.t USING btree (a)',
    ],
    [
      one('gone', 'column', 'public.t.a', { type: 'int', default: '1', 'not null': true }),
      'ALTER TABLE public.t ADD COLUMN a int DEFAULT 1 NOT NULL',
    ],
    [
      one('gone', 'column', 'public.t.a', { type: 'int', default: '(b * 2)', generated: 's' }),
      'ALTER TABLE public.t ADD COLUMN a int GENERATED ALWAYS AS ((b * 2)) STORED',
    ],
    [
      one('gone', 'column', 'public.t.a', { type: 'int', identity: 'BY DEFAULT', 'not null': true }),
      'ALTER TABLE public.t ADD COLUMN a int GENERATED BY DEFAULT AS IDENTITY',
    ],
    [
      one('gone', 'domain constraint', 'c on public.d', { definition: 'CHECK (true)' }),
      'ALTER DOMAIN public.d ADD CONSTRAINT c CHECK (true)',
    ],
    [one('gone', 'table', 'public.t'), undefined],
    [changed('column', 'public.t.a', 'default', '(b + 1)', '(b + 2)', { generated: 's' }), undefined],
    [
      changed('column', 'public.t.a', 'statistics target', undefined, 5),
      'ALTER TABLE public.t ALTER COLUMN a SET STATISTICS -1',
    ],
    [changed('column', 'public.t.a', 'storage', undefined, 'EXTERNAL'), undefined],
    [changed('table', 'public.t', 'replica identity', 'f', undefined), 'ALTER TABLE public.t REPLICA IDENTITY FULL'],
    [changed('table', 'public.t', 'options', ['fillfactor=70'], undefined), undefined],
    [changed('sequence', 'public.s', 'cycle', true, false), 'ALTER SEQUENCE public.s CYCLE'],
    [changed('extension', 'citext', 'version', '1.5', '1.6'), "ALTER EXTENSION citext UPDATE TO '1.5'"],
    [changed('extension', 'citext', 'owner', 'a', 'b'), undefined],
    [changed('materialized view', 'public.m', 'owner', 'a', 'b'), 'ALTER MATERIALIZED VIEW public.m OWNER TO a'],
    [changed('constraint', 'c on public.t', 'definition', 'CHECK (a)', 'CHECK (b)'), undefined],
    [
      changed(
        'view',
        'public.v',
        'privileges',
        ['a: SELECT by b'],
        ['a: INSERT by b', 'c: SELECT WITH GRANT OPTION by b'],
      ),
      'REVOKE INSERT ON TABLE public.v FROM a; REVOKE SELECT ON TABLE public.v FROM c; GRANT SELECT ON TABLE public.v TO a',
    ],
    [
      changed('schema', 's', 'privileges', ['not PUBLIC: USAGE by b'], undefined),
      'REVOKE USAGE ON SCHEMA s FROM PUBLIC',
    ],
    [changed('schema', 's', 'privileges', undefined, ['not PUBLIC: USAGE by b']), 'GRANT USAGE ON SCHEMA s TO PUBLIC'],
  ])('of %j is %s', (difference, hint) => {
    expect(hintFor(difference)).toBe(hint)
  })

  test.each([
    ['column', 'public.t.a', 'public.t.b', { type: 'int' }, 'ALTER TABLE public.t RENAME COLUMN b TO a'],
    [
      'constraint',
      'a on public.t',
      'b on public.t',
      { definition: 'CHECK (true)' },
      'ALTER TABLE public.t RENAME CONSTRAINT b TO a',
    ],
    ['policy', 'a on public.t', 'b on public.t', { using: 'true' }, 'ALTER POLICY b ON public.t RENAME TO a'],
  ])('of a %s under another name is its old one', (kind, was, is, facets, hint) => {
    const all = [one('gone', kind, was, facets), one('left', kind, is, facets)] as const
    expect(all.map((each) => hintFor(each, all))).toEqual([undefined, hint])
    const other = [one('gone', kind, was, facets), one('left', kind, is, { type: 'text' })] as const
    expect(hintFor(other[1], other)).toMatch(/DROP/)
  })
})

test('a long value is shown by its first lines', () => {
  const body = Array.from({ length: 40 }, (_, i) => `line ${i}`).join('\n')
  const lines = diffLines(shown(changed('function', 'public.f()', 'definition', body, 'short'), []))
  expect(lines.slice(0, 3)).toEqual(['definition of function public.f() differs', '  - line 0', '  - line 1'])
  expect(lines.slice(13, 15)).toEqual(['  - … 28 more lines', '  + short'])
  expect(lines[15]?.length).toBeLessThan(260)
})
