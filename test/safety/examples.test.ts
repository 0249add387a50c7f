import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { Finding } from '../../src/migration/finding.ts'
import { readMigrations } from '../../src/migration/read.ts'
import { judge } from '../../src/safety/judge.ts'
import { loadParser } from '../../src/sql/parser.ts'
import { filesOf, right } from '../prove/prove-cases.ts'
import { release } from '../tools/example-files.ts'
import { flywayExample } from '../tools/example-flyway.ts'
import { exampleSets } from '../tools/example-sets.ts'
import { floorsBy } from '../tools/floors.ts'

const folder = join(import.meta.dirname, '../../manifests/examples/orders/chart/migrations')
const sets: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  ...exampleSets,
  flyway: flywayExample,
  releases: release(3),
  // Of each the prover saw that its down script restores everything (test/cli/prove.pg.test.ts).
  prover: filesOf(right),
  orders: Object.fromEntries(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), 'utf8')])),
}

/** Findings of the example sets that say what is not so, by code and file: looked at by hand, each. */
const untrue: readonly string[] = []

test('the findings about the example sets are the ones of the golden file, and which of them are false is known', async () => {
  const parse = await loadParser()
  const lines = Object.entries(sets).flatMap(([name, files]) => {
    const set = readMigrations(Object.entries(files).map(([file, content]) => ({ name: file, content })))
    const { findings } = judge(set, { parse })
    const isFalse = ({ code, file }: Finding) => untrue.includes(`${code} ${file}`)
    const floors = [...floorsBy(set.migrations, parse)].map(([version, floor]) => `${version} needs ${floor}`)
    return [
      `${name}: ${set.migrations.length} migrations, ${findings.length} findings, ${findings.filter(isFalse).length} of them false`,
      ...findings.map((each) => `  ${isFalse(each) ? 'false ' : ''}${each.code}: ${each.message}`),
      `  floors: ${floors.join(', ')}`,
    ]
  })
  await expect(`${lines.join('\n')}\n`).toMatchFileSnapshot('golden/examples.golden.txt')
})
