import { InvalidArgumentError, Option } from 'commander'
import { DEFAULTS, FORMATS } from '../contract.ts'
import { historyDdl } from '../history/ddl.ts'
import { highestVersion, NOTHING } from '../migration/version.ts'
import { Problem } from '../problem.ts'
import type { AdoptOptions } from './adopt.ts'
import { requestOf, versionOption, versionOrNone } from './database.ts'
import type { MigrationOptions } from './migrations.ts'
import { command, withDatabase, withFiles, withTimes } from './program.ts'

/** The commands about a database, and the tables in it. */
export function addDatabaseCommands(): void {
  withDatabase(
    withFiles(
      command(
        'plan',
        'what up or down would do; changes nothing',
        'lockkeeper plan --to 43',
        async (output, options) => {
          const { plan } = await import('./plan.ts')
          return plan(output, options, await filesOf(options))
        },
      ),
    ),
  )
    .option('--to <version>', 'version to reach')
    .option('--out-of-order', 'also late lower versions')

  withTimes(
    withDatabase(
      withFiles(
        command(
          'up',
          'apply everything pending up to a version',
          'lockkeeper up --to 43 --database postgresql://localhost/shop',
          async (output, options) => {
            const { move } = await import('./move.ts')
            const { to } = options as { to?: string }
            return move(output, options, requestOf(options, versionOption('--to', to)), () => filesOf(options))
          },
        ),
      ),
    ),
  )
    .option('--to <version>', 'version to reach (default: the highest)')
    .option('--out-of-order', 'also late lower versions')

  withTimes(
    withDatabase(
      command(
        'down',
        'revert with the scripts stored in the database; the files are not needed',
        'lockkeeper down --to 42\n  lockkeeper down --steps 1\n  lockkeeper down --to none   (everything, a version 0 too)',
        async (output, options) => {
          const [{ move }, { lookAt }] = await Promise.all([import('./move.ts'), import('./status.ts')])
          const { to, steps, force } = options as { to?: string; steps?: number; force?: boolean }
          if ((to === undefined) === (steps === undefined))
            throw new Problem(
              'down needs either --to or --steps',
              'lockkeeper down --to 42, or --to none for everything',
            )
          const target =
            to === undefined ? await stepsBack(steps ?? 0, () => lookAt(options)) : (versionOrNone('--to', to) ?? '0')
          if (force === true) output.say('warning: --force ignores what other workloads hold')
          const request = { ...requestOf(options, target), lower: { force: force === true } }
          return move(output, options, request, async () => undefined)
        },
      ),
    ),
  )
    .option('--to <version>', 'version to go back to; 0 reverts everything above version 0, none everything')
    .option('--steps <n>', 'how many versions to go back', positive)
    .option('--force', 'even below what a workload requires')

  withDatabase(
    withFiles(
      command(
        'status',
        'live, pending, changed and missing migrations, the lock, and what workloads require',
        'lockkeeper status -o json',
        async (output, options) => {
          const { status } = await import('./status.ts')
          return status(output, options, await filesOf(options))
        },
      ),
    ),
  )

  withDatabase(
    command(
      'history',
      'the journal: every step, when, how long, by whom',
      'lockkeeper history',
      async (output, options) => {
        const { history } = await import('./history.ts')
        return history(output, options)
      },
    ),
  )

  withTimes(
    withDatabase(
      withFiles(
        command(
          'adopt',
          'take a database over that has no history yet, from another tool or at a version',
          'lockkeeper adopt --from flyway --dry-run\n  lockkeeper adopt --from golang-migrate --table app_a_migrations --set app_a\n  lockkeeper adopt --at 42',
          async (output, options) => {
            const { adopt } = await import('./adopt.ts')
            const at = versionOrNone('--at', (options as { at?: string }).at)
            if (at === undefined) return adopt(output, options as AdoptOptions, await filesOf(options))
            const { from, table, keep, dryRun } = options as AdoptOptions
            if (from !== undefined || table !== undefined || keep || dryRun)
              throw new Problem(
                '--at goes without --from, --table, --keep and --dry-run',
                'lockkeeper adopt --from flyway',
              )
            const { adoptAt } = await import('./adopt-at.ts')
            return adoptAt(output, options, at, await filesOf(options))
          },
        ),
      ),
    ),
  )
    .addOption(new Option('--from <tool>', 'the tool whose table says what is applied').choices(FORMATS))
    .option('--table <name>', 'its table, as NAME or SCHEMA.NAME, where there are several or it has a name of its own')
    .option('--keep', 'keep the table of that tool current from then on, so that it can go on')
    .option('--dry-run', 'only say what would be taken over')
    .option(
      '--at <version>',
      'the highest version that the database already has, where no tool says it; none: it has not even version 0',
    )

  withDatabase(
    command(
      'forget',
      'take back what a deleted workload, or another cluster, still requires',
      'lockkeeper forget --workload shop/Deployment/orders',
      async (output, options) => {
        const { forget } = await import('./forget.ts')
        return forget(output, options)
      },
    ),
  )
    .option('--workload <name>', 'namespace/kind/name')
    .option('--cluster <uid>', 'UID of the namespace kube-system of that cluster')

  withDatabase(
    command(
      'resolve <version>',
      'settle a step that ran statement by statement and was not finished',
      'lockkeeper resolve 43 --done   (or --retry)',
      async (output, options, argument) => {
        const { resolve } = await import('./resolve.ts')
        return resolve(output, options, versionOption('VERSION', argument) ?? argument)
      },
    ),
  )
    .option('--done', 'the statement in doubt ran; a way down is finished')
    .option('--retry', 'it did not run; the step begins again')

  command(
    'history-ddl',
    'print the tables, for those who create schemas by hand',
    'lockkeeper history-ddl > history.sql',
    (output, options) => {
      const { historySchema = DEFAULTS.historySchema, readers = '' } = options as {
        historySchema?: string
        readers?: string
      }
      const ddl = `BEGIN;\n${historyDdl({ schema: historySchema, readers: readers.split(',').filter((each) => each !== '') })}COMMIT;`
      output.document({ ddl })
      output.print(ddl)
      return 0
    },
  )
    .option('--history-schema <name>', 'schema that keeps the history', DEFAULTS.historySchema)
    .option('--readers <roles>', 'roles that may read it, separated by commas')
}

const filesOf = async (options: MigrationOptions) => (await import('./migrations.ts')).loadMigrations(options)

async function stepsBack(
  steps: number,
  look: () => Promise<{ seen: { applied: readonly { version: string }[] } }>,
): Promise<string> {
  const { seen } = await look()
  const left = seen.applied.slice(0, Math.max(0, seen.applied.length - steps))
  return highestVersion(left.map(({ version }) => version)) ?? NOTHING
}

function positive(text: string): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('a number from 1 on')
  return value
}
