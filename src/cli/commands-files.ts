import { DEFAULTS } from '../contract.ts'
import { command, withFiles } from './program.ts'

/** The commands about migration files. */
export function addFileCommands(): void {
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
      'every finding about the files and their SQL, both directions',
      'lockkeeper lint -m migrations --since 41 --server-version 17',
      async (output, options) => {
        const [{ lint }, { loadMigrations }] = await Promise.all([import('./lint.ts'), import('./migrations.ts')])
        return lint(output, options as never, await loadMigrations(options))
      },
      ['text', 'json', 'github', 'sarif'],
    ),
  )
    .option('--since <version>', 'only migrations above this one, as one release')
    .option('--server-version <major>', 'PostgreSQL that they will run on (default: 14, the oldest supported)')
    .option('--fix', 'put right what takes no decision: in the newest migration, or in all above --since')

  withFiles(
    command(
      'catalogue',
      'the files without their SQL, as a ConfigMap for the webhook: needed where they are in an image',
      'lockkeeper catalogue --name orders-catalogue -n shop | kubectl apply -f -',
      async (output, options) => {
        const [{ catalogue }, { loadMigrations }] = await Promise.all([
          import('./catalogue.ts'),
          import('./migrations.ts'),
        ])
        return catalogue(output, options as never, await loadMigrations(options))
      },
    ),
  )
    .requiredOption('--name <name>', 'name of the ConfigMap')
    .option('-n, --namespace <name>', 'its namespace')
    .option('--history-schema <name>', 'schema that keeps the history', DEFAULTS.historySchema)
    .option(
      '--since <version>',
      'migrations above this one are one release: what one makes, nobody uses before the last',
    )
    .option('--proof <file>', 'put in what lockkeeper prove saw, for the policy rollback-policy: proven')
}

/** The commands that say what a cluster would, without one. */
export function addOfflineCommands(): void {
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
}
