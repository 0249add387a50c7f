import { images } from './install.ts'
import { kubectl, mustApply, mustKubectl, waitFor } from './shell.ts'

/**
 * Runs in a pod: writes and reads through the Service, a connection per request, 20 times a second. Each row has a key of
 * its own, `tea-N`, and a note that a release without notes drops; what was answered is logged. It counts from the first
 * answer: for some 200 ms the proxy of the node refuses, or sends elsewhere, what is for a Service that was just made.
 */
const script = `
const http = require('node:http')
let ok = 0, failed = 0, n = 0
const ask = (method, path, body) => new Promise((resolve) => {
  const request = http.request({ host: process.env.TARGET, port: 80, method, path, agent: false, timeout: 5000 }, (response) => {
    let text = ''
    response.on('data', (chunk) => { text += chunk })
    response.on('end', () => {
      if (response.statusCode >= 300) return resolve('status ' + response.statusCode)
      const { order } = JSON.parse(text)
      if (order !== undefined) console.log('WROTE ' + order.item + ' ' + (order.note ?? order.remark ?? '-'))
      resolve()
    })
  })
  request.on('timeout', () => request.destroy(new Error('timeout')))
  request.on('error', (error) => resolve(error.message))
  request.end(body)
})
const tick = async () => {
  const order = { item: 'tea-' + ++n, note: 'note-' + n, remark: 'note-' + n }
  for (const problem of [await ask('POST', '/orders', JSON.stringify(order)), await ask('GET', '/orders')]) {
    if (problem === undefined) ok++
    else if (ok > 0) { failed++; console.log(new Date().toISOString() + ' FAILED ' + problem) }
  }
}
setInterval(tick, 50)
setInterval(() => console.log('COUNT ' + ok + ' ' + failed), 500)
process.on('SIGTERM', () => process.exit(0))
`

export interface ClientCount {
  readonly ok: number
  readonly failed: number
  readonly problems: readonly string[]
  /** What the application said that it wrote: the note by the key, `-` for none. */
  readonly written: Readonly<Record<string, string>>
}

/** A client that uses the application all along while something happens to it. */
export async function withClient(
  namespace: string,
  service: string,
  during: () => Promise<void>,
): Promise<ClientCount> {
  await mustApply({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'client', namespace },
    spec: {
      restartPolicy: 'Never',
      terminationGracePeriodSeconds: 1,
      containers: [
        {
          name: 'client',
          image: images().example,
          imagePullPolicy: 'IfNotPresent',
          command: ['node', '-e', script],
          env: [{ name: 'TARGET', value: service }],
        },
      ],
    },
  })
  const count = async (): Promise<ClientCount> => {
    const { stdout } = await kubectl('-n', namespace, 'logs', 'client')
    const [, ok = '0', failed = '0'] = [...stdout.matchAll(/^COUNT (\d+) (\d+)$/gm)].at(-1) ?? []
    return {
      ok: Number(ok),
      failed: Number(failed),
      problems: stdout.split('\n').filter((line) => line.includes('FAILED')),
      written: Object.fromEntries([...stdout.matchAll(/^WROTE (\S+) (\S+)$/gm)].map(([, key, note]) => [key, note])),
    }
  }
  await waitFor('the client to have asked a hundred times', async () => (await count()).ok > 100)
  await during()
  const before = await count()
  await waitFor('the client to ask on afterwards', async () => (await count()).ok > before.ok + 100)
  const result = await count()
  await mustKubectl('-n', namespace, 'delete', 'pod', 'client', '--wait=false')
  return result
}
