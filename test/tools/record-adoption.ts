import { execFile, execFileSync, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { FormatName } from '../../src/contract.ts'
import { readMigrations } from '../../src/migration/read.ts'
import { flywayExample } from './example-flyway.ts'
import { exampleSets } from './example-sets.ts'
import { startServer, type TestDatabase, withDatabase } from './postgres.ts'
import { withFolder } from './program.ts'

/** The migrations that the recorded databases hold, by tool. */
export const filesOf: Readonly<Record<FormatName, Readonly<Record<string, string>>>> = {
  ...exampleSets,
  flyway: flywayExample,
}

export type RealTool = 'golang-migrate' | 'flyway' | 'dbmate' | 'goose'
const programs: Readonly<Record<RealTool, string>> = {
  'golang-migrate': 'migrate',
  flyway: 'flyway',
  dbmate: 'dbmate',
  goose: 'goose',
}

/** The program of a tool: in the folder LOCKKEEPER_TEST_TOOLS, else on the PATH; undefined: not installed. */
export function programOf(tool: RealTool): string | undefined {
  const folders = [process.env.LOCKKEEPER_TEST_TOOLS ?? '', ...(process.env.PATH ?? '').split(':')]
  return folders
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, programs[tool]))
    .find((path) => existsSync(path))
}

/** The command line of a tool for a database and a folder of files, behind its program. */
export function commandLine(
  tool: RealTool,
  { server, name, url }: TestDatabase,
  folder: string,
  command: string,
): string[] {
  const plain = `${url}?sslmode=disable`
  if (tool === 'golang-migrate') return ['-path', folder, '-database', plain, ...command.split(' ')]
  if (tool === 'goose') return ['-dir', folder, 'postgres', plain, command]
  if (tool === 'dbmate') return ['--url', plain, '-d', folder, '--no-dump-schema', command]
  const connection = [`-url=jdbc:postgresql://127.0.0.1:${server.port}/${name}`, '-user=postgres', '-password=none']
  // With its default lock it waits for ever for its own session when an index is built CONCURRENTLY.
  return [...connection, `-locations=filesystem:${folder}`, '-postgresql.transactional.lock=false', command]
}

/** Runs a tool as its users do. */
export function runTool(
  tool: RealTool,
  database: TestDatabase,
  folder: string,
  command: string,
): Promise<{ readonly code: number; readonly output: string }> {
  const program = programOf(tool)
  if (program === undefined) throw new Error(`${tool} is not installed`)
  const env = { ...process.env, REDGATE_DISABLE_TELEMETRY: 'true', FLYWAY_SKIP_CHECK_FOR_UPDATE: 'true' }
  return new Promise((resolve) => {
    execFile(
      program,
      commandLine(tool, database, folder, command),
      { env, timeout: 50_000 },
      (error, stdout, stderr) => {
        resolve({
          code: typeof error?.code === 'number' ? error.code : error === null ? 0 : -1,
          output: stdout + stderr,
        })
      },
    )
  })
}

/** What goes wrong in the recorded bad states: the second statement of a sixth migration, outside a transaction. */
const failing: Readonly<Partial<Record<RealTool, Readonly<Record<string, string>>>>> = {
  'golang-migrate': { '000006_fails.up.sql': 'SELECT 1 / 0;\n', '000006_fails.down.sql': 'SELECT 1;\n' },
  flyway: {
    'V5__fails.sql': 'CREATE TABLE half_done ();\nSELECT 1 / 0;\n',
    'V5__fails.sql.conf': 'executeInTransaction=false\n',
  },
}

const fixtures = join(import.meta.dirname, '../engine/adoption/fixtures')
const upCommand: Readonly<Record<RealTool, string>> = {
  'golang-migrate': 'up',
  flyway: 'migrate',
  dbmate: 'up',
  goose: 'up',
}

/** Version of a program: what it says itself, or what Go wrote into it. */
function versionOf(tool: RealTool): string {
  const program = programOf(tool) ?? ''
  const ask = (command: string, ...options: string[]) => {
    const { stdout, stderr } = spawnSync(command, options, { encoding: 'utf8' })
    return stdout + stderr
  }
  const said = ask(program, tool === 'flyway' ? '-v' : '--version')
  const built =
    tool === 'golang-migrate' ? /\tmod\t\S+\t(\S+)/.exec(ask('go', 'version', '-m', program))?.[1] : undefined
  return built ?? /(?:Edition|version:?) v?(\d+\.\d+[.\d]*)/.exec(said)?.[1] ?? 'of unknown version'
}

/** A database as statements that any later server takes: without comments, settings and lines for psql. */
function dump({ url }: TestDatabase): string {
  const text = execFileSync('pg_dump', ['--inserts', '--no-owner', '--no-privileges', url], { encoding: 'utf8' })
  const lines = text.split('\n').filter((line) => line !== '' && !/^(--|SET |\\)/.test(line))
  return `${lines.join('\n')}\n`
}

async function record(
  tool: RealTool,
  database: TestDatabase,
  name: string,
  wrong: Readonly<Record<string, string>>,
): Promise<void> {
  const failed = name !== tool
  await withFolder({ ...filesOf[tool], ...wrong }, async (folder) => {
    const { code, output } = await runTool(tool, database, folder, upCommand[tool])
    if ((code === 0) === failed) throw new Error(`${tool} ended with ${code}: ${output}`)
  })
  const command = [programs[tool], ...commandLine(tool, database, 'FOLDER', upCommand[tool])].join(' ')
  const header = [
    `-- Made by ${tool} ${versionOf(tool)} on PostgreSQL 15, with the files of test/tools/${tool === 'flyway' ? 'example-flyway' : 'example-sets'}.ts${failed ? ' and one more, which fails' : ''}:`,
    `-- ${command.replaceAll(String(database.server.port), 'PORT').replaceAll(database.name, 'DATABASE')}`,
    '-- Recorded by test/tools/record-adoption.ts; do not edit.',
  ]
  await writeFile(join(fixtures, `${name}.sql`), `${header.join('\n')}\n${dump(database)}`)
}

/** DBDeploy never had a tool for PostgreSQL that is still to be had: its table is made as its documentation says. */
async function writeDbdeploy(database: TestDatabase): Promise<void> {
  const { migrations } = readMigrations(Object.entries(filesOf.dbdeploy).map(([name, content]) => ({ name, content })))
  await database.sql(`CREATE TABLE changelog (
  change_number BIGINT NOT NULL PRIMARY KEY, complete_dt TIMESTAMP NOT NULL, applied_by VARCHAR(100) NOT NULL, description VARCHAR(500) NOT NULL)`)
  for (const { version, up } of migrations) {
    await database.sql(up.text)
    await database.sql(
      `INSERT INTO changelog VALUES (${version}, '2024-01-0${version} 12:00:00', 'dbdeploy', '${up.file}')`,
    )
  }
  const header = [
    '-- Not made by DBDeploy, which has no program for PostgreSQL any more: the up scripts of test/tools/example-sets.ts',
    '-- were run by hand, and the table was written as DBDeploy 3 keeps it.',
    '-- Recorded by test/tools/record-adoption.ts; do not edit.',
  ]
  await writeFile(join(fixtures, 'dbdeploy.sql'), `${header.join('\n')}\n${dump(database)}`)
}

/** `node test/tools/record-adoption.ts`: needs pg_dump 15 or later, and makes again what the tools that are installed made. */
async function recordAll(): Promise<void> {
  const { server, stop } = await startServer({ major: 15 })
  try {
    await withDatabase(server, writeDbdeploy)
    for (const tool of Object.keys(programs) as RealTool[]) {
      if (programOf(tool) === undefined) {
        console.log(`skipped: ${tool} is not installed`)
        continue
      }
      await withDatabase(server, (database) => record(tool, database, tool, {}))
      const wrong = failing[tool]
      if (wrong !== undefined) await withDatabase(server, (database) => record(tool, database, `${tool}-failed`, wrong))
      console.log(`recorded ${tool}`)
    }
  } finally {
    await stop()
  }
}

if (import.meta.main) await recordAll()
