import { type HttpLibrary, ResponseContext, wrapHttpLibrary } from '@kubernetes/client-node'
import { request as send } from 'undici'

/**
 * How the generated client sends its requests, without `fetch`, whose streams and header objects take a third of the time
 * of a small read. For reads only: it sends no body.
 */
export const quickHttp: HttpLibrary = wrapHttpLibrary({
  send: async (request) => {
    const [dispatcher, signal] = [request.getDispatcher(), request.getSignal()]
    const { statusCode, headers, body } = await send(request.getUrl(), {
      method: request.getHttpMethod(),
      headers: request.getHeaders(),
      ...(dispatcher !== undefined && { dispatcher }),
      ...(signal !== undefined && { signal }),
    })
    const named = Object.entries(headers).map(([name, value]) => [name, String(value ?? '')])
    return new ResponseContext(statusCode, Object.fromEntries(named), {
      text: () => body.text(),
      binary: async () => Buffer.from(await body.arrayBuffer()),
      stream: () => null,
    })
  },
})
