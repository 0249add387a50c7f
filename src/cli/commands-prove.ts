import { command, withFiles } from './program.ts'

/** The command that tries whether migrations can be taken back. */
export function addProveCommand(): void {
  withFiles(
    command(
      'prove',
      'up, down and up again for every migration on a scratch server: is everything as it was?',
      'lockkeeper prove -m migrations --data --proof migrations.proof --sign proof.key',
      async (output, options) => {
        const [{ prove }, { loadMigrations }] = await Promise.all([import('./prove.ts'), import('./migrations.ts')])
        return prove(output, options, await loadMigrations(options))
      },
      ['text', 'json', 'github', 'sarif'],
    ),
  )
    .option('--scratch <url>', 'a server to make databases on and drop them (default: an embedded PostgreSQL)')
    .option('--major <number>', 'PostgreSQL major of the embedded one (default: 18)')
    .option('--data', 'also fill tables with rows, and say which of them a rollback loses')
    .option('--search-path <schemas>', "search_path of the scripts, as the role or the database sets it: 'app, public'")
    .option('--from <dump>', 'begin with a plain SQL dump (pg_dump --schema-only)')
    .option('--since <version>', 'prove only migrations above this one; with --from, the version of the dump')
    .option('--proof <file>', 'write what was seen; what the file says already is not tried again')
    .option('--sign <key>', 'sign the proof with this Ed25519 private key (PEM)')
}
