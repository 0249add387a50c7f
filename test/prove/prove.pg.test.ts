import { beforeAll, describe, expect, test } from 'vitest'
import { ends, proved } from './prove-answer.ts'
import { batchesOf, type Case, faulty, filesOf, inSchema, right, versionOf } from './prove-cases.ts'

describe.each(ends)('on PostgreSQL %i', (major) => {
  const withMajor = (cases: readonly Case[]) => proved(filesOf(cases), '--major', String(major))

  describe.each(batchesOf(faulty).map((cases, i) => [i + 1, cases] as const))(
    'faulty down scripts, part %i',
    (_, cases) => {
      let answer: Awaited<ReturnType<typeof proved>>
      beforeAll(async () => {
        answer = await withMajor(cases)
      }, 120_000)

      test.each(cases.map(({ name, finds }, i) => [name, i, finds] as const))('%s is found', (_name, i, finds) => {
        expect(answer).toMatchObject({ code: 1, result: 'failed', postgres: major })
        const migration = answer.migrations.find(({ version }) => version === versionOf(i))
        expect(migration?.findings).toMatchObject([{ code: 'rollback-unproven', severity: 'error' }])
        const wanted = JSON.parse(inSchema(JSON.stringify(finds), i)) as Record<string, unknown>
        expect(migration?.differences).toContainEqual(expect.objectContaining({ ...wanted, note: false }))
        expect(migration?.compared).toEqual({ schema: 'differs' })
      })
    },
  )

  test.each(batchesOf(right).map((cases, i) => [i + 1, cases] as const))(
    'right down scripts are proven, part %i',
    async (_, cases) => {
      const { code, migrations } = await withMajor(cases)
      const found = cases.map(({ name }, i) => {
        const { result, findings, differences, compared } =
          migrations.find(({ version }) => version === versionOf(i)) ?? {}
        return [name, result, findings, differences, compared]
      })
      expect(found).toEqual(cases.map(({ name }) => [name, 'proven', [], [], { schema: 'restored' }]))
      expect(code).toBe(0)
    },
    120_000,
  )
})
