import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { issueBundle } from '../../certs/issue.ts'
import { CLUSTER } from '../tools/admission.ts'

export interface ApiServer {
  /** A kubeconfig that names it. */
  readonly kubeconfig: string
  stop(): void
}

/** As much of a Kubernetes API server as the webhook asks for, on loopback, over TLS. */
export async function startApiServer(
  files: Readonly<Record<string, string>>,
  /** What a ConfigMap of a namespace holds, where that is something else; each read of its metadata gives a new version. */
  hostile: (namespace: string, name: string) => Readonly<Record<string, string>> | undefined = () => undefined,
): Promise<ApiServer> {
  const { ca, cert, key } = await issueBundle({ names: ['localhost'], now: new Date() })
  const state = {
    secret: { metadata: { name: 'lockkeeper-tls', resourceVersion: '1' }, data: {} as Record<string, string> },
    caBundle: '',
    versions: 2,
  }
  const namespaces = {
    kind: 'NamespaceList',
    apiVersion: 'v1',
    metadata: { resourceVersion: '1' },
    items: ['shop', 'hostile'].map((name) => ({
      metadata: {
        name,
        uid: name,
        labels: { 'lockkeeper.dev/admission': 'enabled' },
        annotations: annotationsOf(name),
      },
    })),
  }
  const configuration = () => ({
    webhooks: [
      {
        name: 'mutate.lockkeeper.dev',
        clientConfig: { caBundle: state.caBundle },
        sideEffects: 'None',
        admissionReviewVersions: ['v1'],
      },
    ],
  })
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const path = request.url ?? ''
    const send = (body: unknown) => {
      response.setHeader('Content-Type', 'application/json')
      response.end(JSON.stringify(body))
    }
    // A watch without events stays open.
    if (path.includes('watch=true'))
      return void response.writeHead(200, { 'Content-Type': 'application/json' }).flushHeaders()
    if (path.startsWith('/api/v1/namespaces/kube-system'))
      return send({ metadata: { name: 'kube-system', uid: CLUSTER } })
    if (path.includes('/configmaps/')) {
      const [, namespace = '', name = ''] = /namespaces\/([^/]+)\/configmaps\/([^/?]+)/.exec(path) ?? []
      const own = hostile(namespace, name)
      const metadata = { name, uid: 'u', resourceVersion: own === undefined ? '1' : String(state.versions++) }
      const onlyMetadata = request.headers.accept?.includes('PartialObjectMetadata')
      return send(onlyMetadata ? { metadata } : { metadata, data: own ?? files })
    }
    if (path.includes('/secrets/')) {
      if (request.method === 'PUT') {
        state.secret = {
          ...(JSON.parse(await bodyOf(request)) as typeof state.secret),
          metadata: { name: 'lockkeeper-tls', resourceVersion: '2' },
        }
      }
      return send(state.secret)
    }
    if (path.includes('admissionregistration')) {
      if (request.method === 'PATCH') {
        const operations = JSON.parse(await bodyOf(request)) as { op: string; value: string }[]
        state.caBundle = operations.find(({ op }) => op === 'add')?.value ?? ''
      }
      return send(configuration())
    }
    return send(namespaces)
  }
  const server = createServer({ cert, key }, (request, response) => void answer(request, response))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    kubeconfig: kubeconfigFor(`https://127.0.0.1:${port}`, ca),
    stop: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}

const annotationsOf = (namespace: string) =>
  namespace === 'hostile' ? { 'lockkeeper.dev/deny-findings': 'drop-loses-data' } : {}

const kubeconfigFor = (server: string, ca: string) =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      {
        name: 'bench',
        cluster: {
          server,
          'tls-server-name': 'localhost',
          'certificate-authority-data': Buffer.from(ca).toString('base64'),
        },
      },
    ],
    users: [{ name: 'bench', user: {} }],
    contexts: [{ name: 'bench', context: { cluster: 'bench', user: 'bench' } }],
    'current-context': 'bench',
  })

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of request) text += chunk
  return text
}
