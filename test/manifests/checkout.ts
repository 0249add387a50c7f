import { spawn } from 'node:child_process'
import { chmod, cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { hasHelm } from './chart.ts'
import type { PipelineScript } from './pipelines.ts'

const root = join(import.meta.dirname, '../..')

export interface ScriptResult {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
  /** Each run of lockkeeper in it. */
  readonly runs: readonly { readonly command: string; readonly code: number }[]
}

export interface Checkout {
  readonly folder: string
  readonly base: string
  /** Runs a script in the folder; what it writes for later steps is given to these. */
  run(script: PipelineScript, env?: Readonly<Record<string, string>>): Promise<ScriptResult>
}

/** What `npm ci` leaves in node_modules/.bin of an application that has lockkeeper for a devDependency. */
const installed = (log: string) => `#!/bin/sh
'${process.execPath}' '${join(root, 'src/cli/main.ts')}' "$@"
code=$?
echo "$1 $code" >> '${log}'
exit $code
`
/** Where Helm is not here: the example's manifests as they are applied without it, release 1. */
const helmless = `#!/bin/sh
case "$*" in *annotations.lockkeeper*) more='lockkeeper.dev/catalogue: orders-catalogue' ;; *) more='' ;; esac
sed "s|^  annotations:|&\\n    $more|" '${join(root, 'manifests/examples/orders/yaml/v1.yaml')}'
printf '%s\\n' --- 'apiVersion: v1' 'kind: ConfigMap' 'metadata: { name: orders-migrations, namespace: shop }' data:
for file in chart/migrations/1_*.sql; do
  printf '  %s: |\\n' "$(basename "$file")"
  sed 's/^/    /' "$file"
done
`

/** The example application as a repository of two commits: the first has migration 1 only. */
export async function withCheckout<T>(use: (checkout: Checkout) => Promise<T>): Promise<T> {
  const home = await mkdtemp(join(tmpdir(), 'lockkeeper-ci-'))
  const [folder, bin, log, later] = [join(home, 'app'), join(home, 'bin'), join(home, 'runs'), join(home, 'env')]
  const paths = join(home, 'path')
  try {
    await cp(join(root, 'manifests/examples/orders'), folder, { recursive: true })
    await mkdir(bin)
    const programs = {
      [join(folder, 'node_modules/.bin/lockkeeper')]: installed(log),
      [join(bin, 'npm')]: '#!/bin/sh\n',
      ...(hasHelm ? {} : { [join(bin, 'helm')]: helmless }),
    }
    await mkdir(join(folder, 'node_modules/.bin'), { recursive: true })
    for (const [path, text] of Object.entries(programs)) {
      await writeFile(path, text)
      await chmod(path, 0o755)
    }
    await writeFile(join(folder, '.gitignore'), 'node_modules\n')
    const path = [bin, join(process.execPath, '..'), process.env.PATH].join(delimiter)
    const git = (...args: string[]) => shell(['git', ...args], { cwd: folder, env: { PATH: path, HOME: home } })
    await git('init', '-q')
    await git('remote', 'add', 'origin', folder)
    const commit = async (...paths: string[]) => {
      await git('add', ...paths)
      const who = ['-c', 'user.name=a', '-c', 'user.email=a@example.com', '-c', 'commit.gpgsign=false']
      await git(...who, 'commit', '-qm', 'next')
      return (await git('rev-parse', 'HEAD')).stdout.trim()
    }
    const base = await commit('chart/migrations/1_create_orders.up.sql', 'chart/migrations/1_create_orders.down.sql')
    await commit('.')
    const run: Checkout['run'] = async ({ shell: command, text, env }, more) => {
      await Promise.all([log, later, paths].map((each) => writeFile(each, '', { flag: each === log ? 'w' : 'a' })))
      const before = pairsIn(await readFile(later, 'utf8'))
      const added = (await readFile(paths, 'utf8')).split('\n').filter((each) => each !== '')
      const PATH = [...added, path].join(delimiter)
      const given = { PATH, HOME: home, GITHUB_ENV: later, GITHUB_PATH: paths, CI: 'true', ...before, ...env, ...more }
      const result = await shell([...command, '-c', text], { cwd: folder, env: given })
      const runs = (await readFile(log, 'utf8')).split('\n').filter((line) => line !== '')
      return {
        ...result,
        runs: runs.map((line) => ({ command: line.split(' ')[0] ?? '', code: Number(line.split(' ')[1]) })),
      }
    }
    return await use({ folder, base, run })
  } finally {
    await rm(home, { recursive: true, force: true })
  }
}

const pairsIn = (text: string): Record<string, string> =>
  Object.fromEntries([...text.matchAll(/^(\w+)=(.*)$/gm)].map(([, key = '', value = '']) => [key, value]))

function shell(
  [program = '', ...args]: readonly string[],
  options: { readonly cwd: string; readonly env: Readonly<Record<string, string>> },
): Promise<Omit<ScriptResult, 'runs'>> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] })
    let stdout = ''
    let stderr = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text
    })
    child.once('error', reject)
    child.once('close', (code) => resolve({ code, stdout, stderr }))
  })
}
