import { spawn } from 'node:child_process'
import { once } from 'node:events'

export interface Answer {
  readonly code: number
  // biome-ignore lint/suspicious/noExplicitAny: objects of the API as they come
  readonly body: any
}

/** Asks the API server; a body is JSON of the content type that is given. */
export type Ask = (method: string, path: string, body?: object, type?: string) => Promise<Answer>

/** The API server without a client between, for tests that ask it thousands of times. */
export async function withApi<T>(use: (ask: Ask) => Promise<T>): Promise<T> {
  const proxy = spawn('kubectl', ['proxy', '--port=0'], {
    env: { ...process.env, KUBECONFIG: process.env.LOCKKEEPER_TEST_KUBECONFIG },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  try {
    const url = await new Promise<string>((resolve, reject) => {
      proxy.stdout.setEncoding('utf8').on('data', (text: string) => {
        const found = /127\.0\.0\.1:\d+/.exec(text)?.[0]
        if (found !== undefined) resolve(`http://${found}`)
      })
      proxy.once('exit', (code) => reject(new Error(`kubectl proxy ended with ${code}`)))
    })
    return await use(async (method, path, body, type = 'application/json') => {
      const response = await fetch(url + path, {
        method,
        headers: { 'content-type': type },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      })
      return { code: response.status, body: await response.json() }
    })
  } finally {
    proxy.kill()
    if (proxy.exitCode === null) await once(proxy, 'exit')
  }
}
