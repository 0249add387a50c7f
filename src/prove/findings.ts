import { type Finding, refusal, remark } from '../migration/finding.ts'
import type { Migration } from '../migration/migration.ts'
import type { RunFailure } from '../postgres/failure.ts'
import { cureOfExtension } from './brought-by.ts'
import type { Loss } from './rows/loss.ts'
import { oneLine, type ShownDifference, sentenceOf } from './show-difference.ts'

/** Where in a proof something went wrong. */
export type Stage = 'up' | 'down' | 'up again'

const behind: Readonly<Record<Stage, string>> = {
  up: 'cannot be applied',
  down: 'fails',
  'up again': 'cannot be applied again after the way down',
}

/** A script that fails. */
export function failing(migration: Migration, stage: Stage, failure: RunFailure): Finding {
  const { version, up, down } = migration
  const file = failure.place.file ?? (stage === 'down' ? (down?.file ?? up.file) : up.file)
  const state = failure.place.sqlstate === undefined ? '' : ` (${failure.place.sqlstate})`
  const again = `${down?.file ?? 'its down script'} leaves something in the way: take back there all that ${up.file} does`
  const correct = `correct ${file}`
  return {
    ...refusal(
      'rollback-unproven',
      `${stage === 'down' ? (down?.file ?? up.file) : up.file} ${behind[stage]}: ${failure.message}${state}`,
      lackingExtension(failure) ?? (stage === 'up again' ? again : (cureOfExtension(failure, correct) ?? correct)),
      version,
    ),
    file,
    ...(failure.place.line !== undefined && { line: failure.place.line }),
  }
}

/** PostgreSQL: `extension "postgis" is not available`, or its control file could not be opened (older majors). */
export function lackingExtension({ message }: RunFailure): string | undefined {
  const name = /extension "([^"]+)" is not available|extension control file ".*\/([^/]+)\.control"/.exec(message)
  return name === null ? undefined : provideExtensions([name[1] ?? name[2] ?? ''])
}

export const provideExtensions = (names: readonly string[]): string =>
  `name a server that has ${names.join(', ')}, such as a container of the image that your database runs: --scratch postgresql://postgres:…@host:5432/postgres`

/** A schema that is not what it was. */
export function unrestored(
  migration: Migration,
  stage: 'down' | 'up again',
  faults: readonly ShownDifference[],
): Finding {
  const { version, up } = migration
  const file = migration.down?.file ?? up.file
  const [first, ...more] = faults
  const others = more.length === 0 ? '' : `, and ${more.length} more`
  const said = first === undefined ? '' : `: ${sentenceOf(first)}${others}`
  const hint = faults.find((each) => each.hint !== undefined)?.hint
  return {
    ...refusal(
      'rollback-unproven',
      stage === 'down'
        ? `after ${file} the schema is not what it was before ${up.file}${said}`
        : `${up.file} makes another schema the second time${said}`,
      hint === undefined || stage === 'up again'
        ? `make ${file} take back all that ${up.file} does`
        : `add to ${file}: ${oneLine(hint)}`,
      version,
    ),
    file,
  }
}

/** Rows that are not what they were. */
export function lossy(migration: Migration, losses: readonly Loss[]): Finding {
  const { version, up } = migration
  const file = migration.down?.file ?? up.file
  const [first] = losses
  const others = losses.length > 1 ? `, and ${losses.length - 1} more` : ''
  return {
    ...refusal(
      'rollback-data-loss',
      `after ${file} rows are not what they were before ${up.file}: ${first?.object} (${first?.what})${others}`,
      `keep what ${up.file} takes away where ${file} finds it, or say in ${up.file} that it cannot be undone: -- lockkeeper: irreversible REASON`,
      version,
    ),
    file,
  }
}

/** Rows could not be compared: nothing is known about them, which blocks nothing. */
export const untried = ({ version, up }: Migration, failure: RunFailure): Finding => ({
  ...remark(
    'rollback-data-loss',
    `${up.file} cannot be applied to tables with generated rows, so its rows were not compared: ${failure.message}`,
    'see whether it can be applied to the rows that there are in life',
    version,
  ),
  file: up.file,
})
