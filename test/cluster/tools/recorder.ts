import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { request } from 'node:https'
import type { AddressInfo } from 'node:net'
import { mustKubectl } from './shell.ts'

/** One request to the API server, as its authorisation sees it. */
export interface Asked {
  readonly verb: string
  /** `group/resource`; the core group is empty. */
  readonly resource: string
  readonly status: number
}

/** Stands between a client and the cluster on loopback, and writes down what the client asks and is answered. */
export async function startRecorder(asked: Asked[]): Promise<{ url: string; stop(): void }> {
  const view = await mustKubectl('config', 'view', '--minify', '--raw', '-o', 'json')
  const { server, 'certificate-authority-data': ca } = (JSON.parse(view) as Config).clusters[0]?.cluster ?? {}
  const target = new URL(server ?? '')
  const pass = (incoming: IncomingMessage, outgoing: ServerResponse) => {
    const headers = { ...incoming.headers, host: target.host }
    const options = { host: target.hostname, port: target.port, path: incoming.url, method: incoming.method, headers }
    const forwarded = request({ ...options, ca: Buffer.from(ca ?? '', 'base64') }, (response) => {
      const what = askedBy(incoming)
      if (what !== undefined) asked.push({ ...what, status: response.statusCode ?? 0 })
      outgoing.writeHead(response.statusCode ?? 502, response.headers)
      outgoing.flushHeaders()
      response.pipe(outgoing)
    })
    forwarded.once('error', () => outgoing.destroy())
    outgoing.once('close', () => forwarded.destroy())
    incoming.pipe(forwarded)
  }
  const proxy = createServer(pass)
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
    stop: () => {
      proxy.closeAllConnections()
      proxy.close()
    },
  }
}

interface Config {
  readonly clusters: readonly {
    readonly cluster: { readonly server?: string; readonly 'certificate-authority-data'?: string }
  }[]
}

const verbs: Readonly<Record<string, string>> = { POST: 'create', PUT: 'update', PATCH: 'patch', DELETE: 'delete' }

/** Kubernetes, Authorization overview: how a request's verb and resource are told from its method and path. */
export function askedBy({
  method = 'GET',
  url = '',
}: Pick<IncomingMessage, 'method' | 'url'>): Omit<Asked, 'status'> | undefined {
  const { pathname, searchParams } = new URL(url, 'http://localhost')
  const found = /^\/(?:api\/v1|apis\/([^/]+)\/[^/]+)\/(?:namespaces\/[^/]+\/)?([a-z]+)(?:\/([^/]+))?$/.exec(pathname)
  if (found === null) return undefined
  const [, group = '', resource = '', name] = found
  const reads = searchParams.get('watch') === 'true' ? 'watch' : name === undefined ? 'list' : 'get'
  return { verb: verbs[method] ?? reads, resource: `${group}/${resource}` }
}
