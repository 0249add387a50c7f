import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeClients } from '../../src/kubernetes/clients.ts'
import { Secrets } from '../../src/kubernetes/secrets.ts'
import { Sources } from '../../src/kubernetes/sources.ts'
import { prepareSource } from '../../src/migration/prepare-source.ts'
import { type ApiServer, startApiServer } from '../bench/api-server.ts'
import { release } from '../tools/example-files.ts'

let folder: string
let api: ApiServer
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lockkeeper-quick-'))
  api = await startApiServer(release(2))
  await writeFile(join(folder, 'kubeconfig'), api.kubeconfig)
})
afterAll(async () => {
  api.stop()
  await rm(folder, { recursive: true })
})

const wanted = {
  namespace: 'shop',
  configMaps: ['orders-migrations'],
  format: undefined,
  historySchema: 'lockkeeper',
  placeholders: {},
} as const

test('what the API server says over TLS arrives, and so does that it is gone', async () => {
  const clients = makeClients({ kubeconfig: join(folder, 'kubeconfig') })
  const sources = Sources.of(clients, async (_, load, question) =>
    prepareSource((await load(1024 * 1024)) ?? [], question, async () => ({ floors: {}, findings: [] })),
  )
  const secrets = Secrets.of(clients, Date.now)
  const read = await sources.read(wanted)
  expect(read.kind === 'read' && read.items[0]?.keys).toEqual(Object.keys(release(2)).sort())
  expect((await sources.read(wanted)).kind).toBe('read')
  expect(await secrets.keys('shop', 'lockkeeper-tls')).toEqual([])
  api.stop()
  expect(await sources.read(wanted)).toMatchObject({ kind: 'failed', reason: expect.stringMatching(/\S/) })
  expect(await secrets.keys('shop', 'lockkeeper-tls')).toBe('unknown')
})
