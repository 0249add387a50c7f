import type { MigrationSet, Script } from '../migration/migration.ts'
import { planUp } from '../migration/plan.ts'
import { transactionBody } from '../migration/transaction.ts'
import { compareVersions, highestVersion } from '../migration/version.ts'
import { type DatabaseOptions, versionOption } from './database.ts'
import type { Output } from './output.ts'
import { lookAt } from './status.ts'

/** `plan`: what `up --to` or `down --to` would do, in order. Changes nothing. */
export async function plan(
  output: Output,
  options: DatabaseOptions & { readonly to?: string },
  files: MigrationSet,
): Promise<number> {
  const { seen } = await lookAt(options)
  const to = versionOption('--to', options.to)
  const live = highestVersion(seen.applied.map(({ version }) => version))
  if (to !== undefined && live !== undefined && compareVersions(to, live) < 0) {
    const steps = seen.applied.filter(({ version }) => compareVersions(version, to) > 0).reverse()
    const impossible = steps.find(({ downChecksum }) => downChecksum === null)
    output.document({ direction: 'down', from: live, to, steps: steps.map(({ version, name }) => ({ version, name })) })
    output.print(`down from ${live} to ${to}, with the scripts stored in the database`)
    for (const { version, name, downChecksum } of steps)
      output.print(`  down ${version} ${name}${downChecksum === null ? '  (no down script stored)' : ''}`)
    return impossible === undefined ? 0 : 1
  }
  const planned = planUp(
    files.migrations,
    seen.applied.map(({ version }) => version),
    to,
    options.outOfOrder,
  )
  if (planned.kind === 'impossible') {
    output.document({ direction: 'up', from: live ?? null, to: to ?? null, steps: [], findings: [planned] })
    output.print(`${planned.message}\n  fix: ${planned.fix}`)
    return 1
  }
  const steps = planned.kind === 'up' ? planned.steps : []
  const described = steps.map(({ version, name, up, down }) => ({
    version,
    name,
    file: up.file,
    statements: statementsOf(up),
    down: down?.file ?? null,
  }))
  output.document({ direction: 'up', from: live ?? null, to: steps.at(-1)?.version ?? live ?? null, steps: described })
  if (steps.length === 0) output.print(`nothing to do: the schema is at ${live ?? 'nothing'}`)
  for (const { version, name, file, statements, down } of described) {
    output.print(`up ${version} ${name}  (${file}; back by ${down ?? 'nothing'})`)
    for (const statement of statements) output.print(`  ${statement}`)
  }
  return 0
}

/** First words of each statement: enough to know it by, and no data. */
function statementsOf(script: Script): string[] {
  return transactionBody(script).statements.map(({ start, end }) => {
    const line = script.text.slice(start, end).replace(/\s+/g, ' ')
    return line.length <= 80 ? line : `${line.slice(0, 79)}…`
  })
}
