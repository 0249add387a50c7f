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
      'every finding about the files, both directions',
      'lockkeeper lint -m migrations --since 41',
      async (output, options) => {
        const [{ lint }, { loadMigrations }] = await Promise.all([import('./lint.ts'), import('./migrations.ts')])
        return lint(output, options, await loadMigrations(options))
      },
      ['text', 'json', 'github', 'sarif'],
    ),
  ).option('--since <version>', 'only migrations above this one')
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
