import { sanitize } from '../migration/sanitize.ts'
import { exitOf, RunFailure } from '../postgres/failure.ts'
import { Problem } from '../problem.ts'
import { addClusterCommands } from './commands-cluster.ts'
import { addDatabaseCommands } from './commands-database.ts'
import { addFileCommands, addOfflineCommands } from './commands-files.ts'
import { addProveCommand } from './commands-prove.ts'
import { program } from './program.ts'

/** The program, from its arguments to its exit code. */
export async function runProgram(): Promise<void> {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', unlessSeenEnough)
  addFileCommands()
  addDatabaseCommands()
  addOfflineCommands()
  addClusterCommands()
  addProveCommand()
  try {
    await program.parseAsync()
  } catch (error) {
    process.exitCode = exitFor(error)
  }
}

/** Who reads the other end of a pipe, like `head`, may go before the end. */
function unlessSeenEnough(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error
}

/** 2 for usage, input and connection, as the interface says. */
function exitFor(error: unknown): number {
  if (error instanceof Problem) {
    fail(error.message, error.fix)
    return error.exit
  }
  if (error instanceof RunFailure) {
    fail(`${error.code}: ${error.message}`, error.fix)
    return exitOf(error.code) === 12 ? 1 : 2
  }
  if (error instanceof Error && 'code' in error && String(error.code).startsWith('commander.')) {
    return 'exitCode' in error && error.exitCode === 0 ? 0 : 2
  }
  fail(error instanceof Error ? error.message : String(error), undefined)
  return 2
}

function fail(message: string, fix: string | undefined): void {
  process.stderr.write(`error: ${sanitize(message)}\n${fix === undefined ? '' : `  fix: ${sanitize(fix)}\n`}`)
}
