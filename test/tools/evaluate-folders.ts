/**
 * How often lint is right about down scripts, measured on folders of others: `prove` says which downs restore, on an
 * embedded PostgreSQL, and lint is compared with it.
 *
 *   node test/tools/evaluate-folders.ts [--before MAIN.TS] [--keep DIR] FOLDER…
 *
 * `--before`: the program of an older checkout, to compare with. `--keep`: where the answers of `prove` are kept and
 * found again, since they take minutes. Prints a table, then each false finding and each fault that lint does not see.
 * Nothing of the folders is written anywhere else.
 */
import { execFile } from 'node:child_process'
import { basename, join } from 'node:path'
import { parseArgs } from 'node:util'
import { loadMigrations } from '../../src/cli/migrations.ts'
import { withPostgres } from '../../src/prove/embedded-postgres.ts'
import { type Finding, type Proven, proven } from './folders/proven.ts'

const program = join(import.meta.dirname, '../../src/cli/main.ts')

/** What says that a schema is not restored; those about rows say nothing of it. */
const CLAIMS = ['leaves-behind', 'not-restored', 'drops-others', 'hides-nothing', 'order'].map(
  (each) => `rollback-${each}`,
)

interface Answer {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

const run = (main: string, args: readonly string[]): Promise<Answer> =>
  new Promise((resolve) => {
    const limits = { maxBuffer: 256 * 1024 * 1024 }
    execFile(process.execPath, [main, ...args], limits, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code ?? 1), stdout, stderr }),
    )
  })

async function linted(main: string, folder: string): Promise<Map<string | undefined, Finding[]>> {
  const { stdout, stderr } = await run(main, ['lint', '-m', folder, '-o', 'json'])
  if (stdout === '') throw new Error(`${folder}: ${stderr}`)
  return Map.groupBy(JSON.parse(stdout) as Finding[], ({ version }) => version)
}

/** All that can be reached up, then down as far as down scripts go, in a database of its own. */
async function upAndDown(folder: string, to: string): Promise<string> {
  return withPostgres({ major: 18 }, async ({ url }) => {
    const at = ['--database', `${url}/postgres`]
    const up = await run(program, ['up', '--to', to, '-m', folder, ...at])
    if (up.code !== 0) return `up fails: ${firstLine(up.stderr)}`
    const down = await run(program, ['down', '--to', 'none', ...at])
    return down.code === 0 ? 'both' : `up; down stops: ${firstLine(down.stderr)}`
  })
}

const firstLine = (text: string) =>
  (text.split('\n').find((line) => /error|failed|refused/i.test(line)) ?? text).slice(0, 120)

const isStuck = ({ findings }: Proven) => findings.some(({ message }) => message.includes(' cannot be applied: '))
const isUnproven = ({ result, findings }: Proven) =>
  result === 'failed' && findings.some(({ code }) => code === 'rollback-unproven')

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { before: { type: 'string' }, keep: { type: 'string' } },
})
const rows: string[][] = [
  [
    'folder',
    'format',
    'migrations',
    'up and down',
    'proven',
    'false',
    'not restored',
    'found',
    'silent before',
    'found of them',
  ],
]
const sums = { proven: 0, wrong: 0, faulty: 0, found: 0, silent: 0, now: 0 }
const remarks: string[] = []
for (const folder of positionals) {
  const name = basename(folder)
  const { format, migrations } = await loadMigrations({ migrations: [folder] })
  const outcomes = await proven(folder, values.keep)
  const now = await linted(program, folder)
  const before = values.before === undefined ? now : await linted(values.before, folder)
  const claims = (of: typeof now, version: string) =>
    (of.get(version) ?? []).filter(({ code }) => CLAIMS.includes(code))
  const speaks = (of: typeof now, version: string) =>
    claims(of, version).length > 0 || (of.get(version) ?? []).some(({ severity }) => severity === 'error')
  const good = outcomes.filter(({ result }) => result === 'proven')
  const wrong = good.filter(({ version }) => claims(now, version).length > 0)
  const faulty = outcomes.filter((each) => isUnproven(each) && !isStuck(each))
  const found = faulty.filter(({ version }) => speaks(now, version))
  const silent = faulty.filter(({ version }) => !speaks(before, version))
  const gained = silent.filter(({ version }) => speaks(now, version))
  const reached = outcomes.filter((each) => each.result !== 'unreached' && !isStuck(each)).at(-1)
  const moved = reached === undefined ? 'nothing reached' : await upAndDown(folder, reached.version)
  const counts = [good.length, wrong.length, faulty.length, found.length, silent.length, gained.length]
  rows.push([name, format, String(migrations.length), moved, ...counts.map(String)])
  sums.proven += good.length
  sums.wrong += wrong.length
  sums.faulty += faulty.length
  sums.found += found.length
  sums.silent += silent.length
  sums.now += gained.length
  for (const { version } of wrong)
    for (const { code, message } of claims(now, version)) remarks.push(`false   ${name} ${code}: ${message}`)
  for (const each of faulty.filter(({ version }) => !speaks(now, version)))
    remarks.push(`unseen  ${name} ${each.version}: ${each.findings[0]?.message}`)
  process.stdout.write(`| ${rows.at(-1)?.join(' | ')} |\n`)
}
const share = (part: number, whole: number) =>
  `${part} of ${whole} (${((100 * part) / Math.max(whole, 1)).toFixed(1)} %)`
process.stdout.write(`
| ${rows[0]?.join(' | ')} |
proven migrations with a false finding: ${share(sums.wrong, sums.proven)}
downs that do not restore and are found: ${share(sums.found, sums.faulty)}
of those that nothing was said of before: ${share(sums.now, sums.silent)}
${remarks.join('\n')}
`)
