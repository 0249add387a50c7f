import { spawn } from 'node:child_process'
import { join } from 'node:path'
import type { Shop } from './orders.ts'
import { type Result, run } from './shell.ts'

/** Runs the program against a shop's database, through a port-forward as a person would use. */
export async function withProgram<T>(
  shop: Shop,
  use: (lockkeeper: (...args: string[]) => Promise<Result>) => Promise<T>,
): Promise<T> {
  const forward = spawn(
    'kubectl',
    ['-n', shop.databaseNamespace, 'port-forward', 'pod/postgres-0', ':5432', '--address', '127.0.0.1'],
    {
      env: { ...process.env, KUBECONFIG: process.env.LOCKKEEPER_TEST_KUBECONFIG },
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  )
  try {
    const port = await new Promise<string>((resolve, reject) => {
      forward.stdout.setEncoding('utf8').on('data', (text: string) => {
        const found = /127\.0\.0\.1:(\d+) ->/.exec(text)?.[1]
        if (found !== undefined) resolve(found)
      })
      forward.once('exit', (code) => reject(new Error(`kubectl port-forward ended with ${code}`)))
    })
    const env = { DATABASE_URL: `postgresql://postgres:example@127.0.0.1:${port}/${shop.database}` }
    return await use((...args) =>
      run(process.execPath, [join(import.meta.dirname, '../../../src/cli/main.ts'), ...args], { env }),
    )
  } finally {
    forward.kill()
  }
}
