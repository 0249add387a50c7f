import { Command, Option } from 'commander'
import packageJson from '../../package.json' with { type: 'json' }
import { DEFAULTS, FORMATS } from '../contract.ts'
import type { DatabaseOptions } from './database.ts'
import type { MigrationOptions } from './migrations.ts'
import { createOutput, type Output, type OutputOptions } from './output.ts'

type Options = DatabaseOptions & MigrationOptions & OutputOptions & Record<string, never>
type Action = (output: Output, options: Options, argument: string) => number | Promise<number>

export const program = new Command('lockkeeper')
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
export function command(
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

/** A command that reads migration files. */
export const withFiles = (made: Command) =>
  made
    .addOption(migrationsOption)
    .addOption(formatOption)
    .option('--placeholder <name=value...>', 'values for placeholders in scripts of Flyway')
/** A command that talks to a database. */
export const withDatabase = (made: Command) =>
  made
    .option(
      '--database <url>',
      'postgresql://user:password@host:5432/dbname (default: $DATABASE_URL, then PG* variables)',
    )
    .option('--set <name>', 'numbering that the files belong to', DEFAULTS.set)
    .option('--history-schema <name>', 'schema that keeps the history', DEFAULTS.historySchema)
/** A command that moves the schema. */
export const withTimes = (made: Command) =>
  made
    .option('--lock-timeout <duration>', 'longest wait for one lock', DEFAULTS.lockTimeout)
    .option('--statement-timeout <duration>', 'longest run of one statement (default: none)')
    .option('--deadline <duration>', 'longest wait in all', DEFAULTS.deadline)
    .option('--role <name>', 'role that runs the scripts')
    .option('--workload <name>', 'namespace/kind/name on whose behalf the schema moves (default: nobody’s)')
    .option('--accept-changed <version...>', 'applied versions whose file may differ from the applied script')
