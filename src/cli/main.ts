import { Command, InvalidArgumentError, Option } from 'commander'
import packageJson from '../../package.json' with { type: 'json' }
import { RunFailure } from '../../sidecar/failure.ts'
import { historyDdl } from '../../sidecar/history/ddl.ts'
import { DEFAULTS, FORMATS } from '../contract.ts'
import { highestVersion } from '../migration/version.ts'
import { type DatabaseOptions, requestOf, versionOption } from './database.ts'
import { loadMigrations, type MigrationOptions } from './migrations.ts'
import { createOutput, type Output, type OutputOptions } from './output.ts'
import { Problem } from './problem.ts'

type Options = DatabaseOptions & MigrationOptions & OutputOptions & Record<string, never>
type Action = (output: Output, options: Options, argument: string) => number | Promise<number>

const program = new Command('lockkeeper')
  .description('Rolls an application and its PostgreSQL schema forward and back together')
  .version(packageJson.version)
  .showHelpAfterError('(add --help for examples)')
  .exitOverride()
  .configureHelp({ sortSubcommands: false })

const outputOption = (choices: readonly string[]) =>
  new Option('-o, --output <format>', 'how to print the result').choices(choices).default('text')
const migrationsOption = new Option(
  '-m, --migrations <path...>',
  'folder of migration files, or a ConfigMap manifest',
).default(['migrations'])
const formatOption = new Option('--format <name>', 'format of the files, where it is not clear').choices(FORMATS)

/** A command with the options that every command has. */
function command(
  name: string,
  description: string,
  example: string,
  action: Action,
  outputs: readonly string[] = ['text', 'json'],
): Command {
  return program
    .command(name)
    .description(description)
    .addOption(outputOption(outputs))
    .option('--no-color', 'no colours, even on a terminal')
    .option('-q, --quiet', 'no progress')
    .addHelpText('after', `\nExample:\n  ${example}`)
    .action(async (...args: unknown[]) => {
      const self = args.at(-1) as Command
      const argument = typeof args[0] === 'string' ? args[0] : ''
      const options = self.opts<Options>()
      process.exitCode = await action(createOutput(options), options, argument)
    })
}

const withFiles = (made: Command) => made.addOption(migrationsOption).addOption(formatOption)
const withDatabase = (made: Command) =>
  made
    .option(
      '--database <url>',
      'postgresql://user:password@host:5432/dbname (default: $DATABASE_URL, then PG* variables)',
    )
    .option('--set <name>', 'numbering that the files belong to', DEFAULTS.set)
    .option('--history-schema <name>', 'schema that keeps the history', DEFAULTS.historySchema)
const withTimes = (made: Command) =>
  made
    .option('--lock-timeout <duration>', 'longest wait for one lock', DEFAULTS.lockTimeout)
    .option('--statement-timeout <duration>', 'longest run of one statement (default: none)')
    .option('--deadline <duration>', 'longest wait in all', DEFAULTS.deadline)
    .option('--role <name>', 'role that runs the scripts')

withFiles(
  command(
    'new <name>',
    'write the next pair of migration files',
    'lockkeeper new add_email',
    async (output, options, name) => {
      const { create } = await import('./new.ts')
      return create(output, options.migrations?.[0] ?? 'migrations', name)
    },
  ),
)

withFiles(
  command(
    'lint',
    'every finding about the files, both directions',
    'lockkeeper lint -m migrations --since 41',
    async (output, options) => {
      const { lint } = await import('./lint.ts')
      return lint(output, options, loadMigrations(options))
    },
    ['text', 'json', 'github', 'sarif'],
  ),
).option('--since <version>', 'only migrations above this one')

withDatabase(
  withFiles(
    command('plan', 'what up or down would do; changes nothing', 'lockkeeper plan --to 43', async (output, options) => {
      const { plan } = await import('./plan.ts')
      return plan(output, options, loadMigrations(options))
    }),
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
          return move(output, options, requestOf(options, versionOption('--to', to)), loadMigrations(options))
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
      'lockkeeper down --to 42',
      async (output, options) => {
        const [{ move }, { lookAt }] = await Promise.all([import('./move.ts'), import('./status.ts')])
        const { to, steps, force } = options as { to?: string; steps?: number; force?: boolean }
        if ((to === undefined) === (steps === undefined))
          throw new Problem('down needs either --to or --steps', 'lockkeeper down --to 42, or --to 0 for everything')
        const target =
          to === undefined ? await stepsBack(steps ?? 0, () => lookAt(options)) : (versionOption('--to', to) ?? '0')
        if (force === true) output.say('warning: --force ignores what other workloads hold')
        return move(output, options, { ...requestOf(options, target), lower: { force: force === true } }, undefined)
      },
    ),
  ),
)
  .option('--to <version>', 'version to go back to; 0 reverts everything')
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
        return status(output, options, loadMigrations(options))
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
        'take a database over that has no history yet',
        'lockkeeper adopt --at 42',
        async (output, options) => {
          const { move } = await import('./move.ts')
          const at = versionOption('--at', (options as { at?: string }).at)
          if (at === undefined)
            throw new Problem('adopt needs --at', 'lockkeeper adopt --at 42 (0: nothing is applied)')
          return move(output, options, { ...requestOf(options, '0'), adoptAt: at }, loadMigrations(options))
        },
      ),
    ),
  ),
).option('--at <version>', 'the highest version that the database already has')

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

command(
  'review',
  'what kubectl apply would say, by the webhook’s own handlers',
  'helm template orders ./chart | lockkeeper review -f -',
  async (output, options) => {
    const { review } = await import('./review.ts')
    return review(output, options as never, Date.now())
  },
)
  .requiredOption(
    '-f, --file <path...>',
    'manifests, or - for standard input; ConfigMaps and Namespaces among them count',
  )
  .option('--old <path>', 'the objects as they are now')
  .option('-n, --namespace <name>', 'namespace of objects that name none', 'default')
  .option('--namespace-label <pair...>', 'KEY=VALUE on the namespace')
  .option('--namespace-annotation <pair...>', 'KEY=VALUE on the namespace')

command('demo', 'the whole story on an embedded PostgreSQL; no cluster needed', 'lockkeeper demo', async (output) => {
  const { demo } = await import('./demo.ts')
  return demo(output)
})

async function stepsBack(
  steps: number,
  look: () => Promise<{ seen: { applied: readonly { version: string }[] } }>,
): Promise<string> {
  const { seen } = await look()
  const left = seen.applied.slice(0, Math.max(0, seen.applied.length - steps))
  return highestVersion(left.map(({ version }) => version)) ?? '0'
}

function positive(text: string): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('a number from 1 on')
  return value
}

/** 2 for usage, input and connection, as the interface says. */
function exitFor(error: unknown): number {
  if (error instanceof Problem) {
    process.stderr.write(`error: ${error.message}\n${error.fix === undefined ? '' : `  fix: ${error.fix}\n`}`)
    return error.exit
  }
  if (error instanceof RunFailure) {
    process.stderr.write(`error: ${error.code}: ${error.message}\n  fix: ${error.fix}\n`)
    return 2
  }
  if (error instanceof Error && 'code' in error && String(error.code).startsWith('commander.')) {
    return 'exitCode' in error && error.exitCode === 0 ? 0 : 2
  }
  process.stderr.write(`error: ${error instanceof Error ? error.message : String(error)}\n`)
  return 2
}

try {
  await program.parseAsync()
} catch (error) {
  process.exitCode = exitFor(error)
}
