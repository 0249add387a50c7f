import { type HttpLibrary, type RequestContext, ResponseContext, wrapHttpLibrary } from '@kubernetes/client-node'
import { request as send } from 'undici'
import { LIMITS } from '../limits.ts'

/**
 * How the generated client sends its requests, without `fetch`, whose streams and header objects take a third of the time
 * of a small read. For reads only: it sends no body.
 */
export const quickHttp: HttpLibrary = wrapHttpLibrary({
  send: async (request) => {
    const { status, headers, body } = await sent(request)
    return new ResponseContext(status, headers, {
      text: () => body.text(),
      binary: async () => Buffer.from(await body.arrayBuffer()),
      stream: () => null,
    })
  },
})

/**
 * What a read of the generated client gets, as bytes: parsing a large object is not for the thread that answers. Undefined
 * where it has more than `most`. Rejects as the client does.
 */
export async function bytesOf(
  read: (options: { readonly httpApi: HttpLibrary }) => Promise<unknown>,
  most: number,
): Promise<Uint8Array | undefined> {
  const got: { bytes?: Uint8Array } = {}
  const httpApi = wrapHttpLibrary({
    send: async (request) => {
      const { status, headers, body } = await sent(request)
      if (status < 200 || status > 299) {
        return new ResponseContext(status, headers, {
          text: () => body.text(),
          binary: async () => Buffer.from(await body.arrayBuffer()),
          stream: () => null,
        })
      }
      const bytes = await atMost(body, most)
      if (bytes !== undefined) got.bytes = bytes
      // The client is content with an object that says nothing.
      const nothing = Buffer.from('{}')
      return new ResponseContext(status, headers, {
        text: async () => '{}',
        binary: async () => nothing,
        stream: () => null,
      })
    },
  })
  await read({ httpApi })
  return got.bytes
}

async function sent(request: RequestContext) {
  const dispatcher = request.getDispatcher()
  const late = AbortSignal.timeout(LIMITS.configMapMs.value)
  const own = request.getSignal()
  const { statusCode, headers, body } = await send(request.getUrl(), {
    method: request.getHttpMethod(),
    headers: request.getHeaders(),
    ...(dispatcher !== undefined && { dispatcher }),
    signal: own === undefined ? late : AbortSignal.any([own, late]),
  })
  const named = Object.entries(headers).map(([name, value]) => [name, String(value ?? '')])
  return { status: statusCode, headers: Object.fromEntries(named) as Record<string, string>, body }
}

async function atMost(body: AsyncIterable<Uint8Array> & { destroy(): unknown }, most: number) {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of body) {
    length += chunk.length
    if (length > most) {
      body.destroy()
      return undefined
    }
    chunks.push(chunk)
  }
  // Of its own memory, so that it can be handed to another thread.
  const bytes = new Uint8Array(length)
  let at = 0
  for (const chunk of chunks) {
    bytes.set(chunk, at)
    at += chunk.length
  }
  return bytes
}
