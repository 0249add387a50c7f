import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Arrival, told, warnings } from './tools/arrivals.ts'
import { install, uninstall } from './tools/install.ts'
import { closeShop, openShop, release, type Shop } from './tools/orders.ts'
import {
  type Act,
  after,
  command,
  json,
  merge,
  nothing,
  type Start,
  send,
  serverSide,
  three,
  two,
  twoByServer,
} from './tools/steps.ts'

let shop: Shop
beforeAll(async () => {
  await install('kubectl')
  shop = await openShop({})
  await shop.files(release(3))
}, 300_000)
afterAll(async () => {
  await closeShop(shop)
  await uninstall('kubectl')
}, 120_000)

/** `says` is in the warnings; without it there are none, and `refused` is in the error. */
type Row = [does: string, start: Start, act: Act, told: string, answer?: { says?: string; refused?: string }]

const target = '/metadata/annotations/lockkeeper.dev~1schema-version'
const asks = (version: string) => ({ metadata: { annotations: { 'lockkeeper.dev/schema-version': version } } })
/** By somebody else: what the release does not want to be so. */
const foreign = command('set env', '-c', 'orders', 'ORDERS_VERSION=9')
const elsewhere = { 'lockkeeper.dev/migrations': 'configmap/not-yet' }
const editor = String.raw`sed -i 's/lockkeeper.dev\/schema-version: "2"/lockkeeper.dev\/schema-version: "3"/'`

const first = 'built for 2 with a new token'
const next = 'built for 3 with a new token'
const hotfix = 'built for 2 with its token'
const plan = { says: 'schema as it is to 2, 2 migrations unless applied already' }
const oneMore = { says: 'schema 2 to 3, 1 migration' }
const putBack = { says: 'lockkeeper-migrate belongs to Lockkeeper: the change to it was put back' }
const samePods = 'a new generation, the same pods'

const made: Row[] = [
  ['create', nothing, send(2, 'create'), first, plan],
  ['create --dry-run=server', nothing, send(2, 'create', '--dry-run=server'), 'nothing stored', plan],
  ['apply', nothing, send(2, 'apply'), first, plan],
  ['apply --server-side', nothing, send(2, ...serverSide), first, plan],
  ['apply --dry-run=server', nothing, send(2, 'apply', '--dry-run=server'), 'nothing stored', plan],
]
const released: Row[] = [
  ['apply', two, send(3, 'apply'), next, oneMore],
  ['apply --server-side after apply', two, send(3, ...serverSide), next, oneMore],
  ['apply --server-side after itself', twoByServer, send(3, ...serverSide), next, oneMore],
  [
    'apply --server-side against the change of another client',
    after(twoByServer, foreign),
    send(3, ...serverSide),
    'nothing changed',
    { refused: 'conflict with "kubectl-set"' },
  ],
  [
    'apply --server-side --force-conflicts against it',
    after(twoByServer, foreign),
    send(3, ...serverSide, '--force-conflicts'),
    next,
    oneMore,
  ],
  ['replace', two, send(3, 'replace'), next, oneMore],
  ['edit', two, (at) => at.command(['edit'], [], { KUBE_EDITOR: editor }), next, oneMore],
  ['patch', two, command('patch', '-p', JSON.stringify(asks('3'))), next, oneMore],
  ['patch --type=merge', two, merge(asks('3')), next, oneMore],
  ['patch --type=json', two, json('replace', target, '3'), next, oneMore],
  [
    'annotate',
    two,
    (at) => at.command(['annotate', '--overwrite'], ['lockkeeper.dev/schema-version=3']),
    next,
    oneMore,
  ],
  ['apply while it is paused', after(two, command('rollout pause')), send(3, 'apply'), next, oneMore],
  ['apply --dry-run=server', two, send(3, 'apply', '--dry-run=server'), 'nothing changed', oneMore],
  [
    'apply before its ConfigMap',
    two,
    (at) => at.send(['apply'], at.object(3, elsewhere)),
    'nothing changed',
    { refused: 'source-missing' },
  ],
]
const back: Row[] = [
  [
    'rollout undo',
    three,
    command('rollout undo'),
    first,
    { says: 'asks for 2 again, and its pods wait where the schema is at 3' },
  ],
  [
    'rollout undo --to-revision=1',
    three,
    command('rollout undo', '--to-revision=1'),
    'built for 1 with a new token',
    { says: 'asks for 1 again, and its pods wait where the schema is at 3' },
  ],
  [
    'rollout undo of an undo',
    after(three, command('rollout undo', '--to-revision=1')),
    command('rollout undo', '--to-revision=3'),
    next,
    { says: 'schema 1 (left at 3) to 3, 2 migrations unless applied already' },
  ],
  [
    'rollout undo after annotate and set image, one by one: the first',
    after(two, merge(asks('3')), command('set image', 'orders=orders:hotfix')),
    command('rollout undo'),
    'built for 3 with its token',
  ],
  [
    'rollout undo after annotate and set image, one by one: the second',
    after(two, merge(asks('3')), command('set image', 'orders=orders:hotfix'), command('rollout undo')),
    command('rollout undo', '--to-revision=1'),
    first,
    { says: 'target-lowered: the target falls, but no image' },
  ],
  [
    'apply of the manifest before',
    three,
    send(2, 'apply'),
    first,
    { says: 'asks for 2 again, and its pods wait where the schema is at 3' },
  ],
  [
    'apply --server-side of it',
    three,
    send(2, ...serverSide),
    first,
    { says: 'asks for 2 again, and its pods wait where the schema is at 3' },
  ],
]
const same: Row[] = [
  ['apply again', two, send(2, 'apply'), 'nothing changed'],
  ['apply --server-side again', twoByServer, send(2, ...serverSide), 'nothing changed'],
  ['diff after apply', two, send(2, 'diff'), 'nothing changed'],
  ['diff --server-side after apply --server-side', twoByServer, send(2, 'diff', '--server-side'), 'nothing changed'],
  // Kubernetes itself counts it, since it drops annotations of kubectl's; the whole of our parts is put back.
  ['replace by the same manifest', two, send(2, 'replace'), samePods],
  ['scale', two, command('scale', '--replicas=1'), samePods],
  ['rollout pause', two, command('rollout pause'), samePods],
  ['rollout resume', after(two, command('rollout pause')), command('rollout resume'), samePods],
  ['label', two, command('label', 'team=a'), 'nothing changed'],
]
const volume = '/spec/template/spec/volumes/0'
const ourStatus = '/spec/template/metadata/annotations/lockkeeper.dev~1status'
const edited: Row[] = [
  ['set image', two, command('set image', 'orders=orders:hotfix'), hotfix],
  ["set env '*'", two, command('set env', 'LOG=debug'), hotfix, putBack],
  ["set image '*'", two, command('set image', '*=orders:hotfix'), hotfix, putBack],
  ['rollout restart', two, command('rollout restart'), first],
  [
    'patch of all init containers away',
    two,
    merge({ spec: { template: { spec: { initContainers: [] } } } }),
    'nothing changed',
    putBack,
  ],
  ['patch of our volume away', two, json('remove', volume), 'nothing changed', putBack],
  ['patch of our status away', two, json('remove', ourStatus), 'nothing changed'],
  [
    'annotate of the intent away',
    two,
    command('annotate', 'lockkeeper.dev/schema-version-'),
    'without our parts',
    { says: 'intent-dropped: the schema stays at 2, and nothing checks' },
  ],
]

let arrivals = 0
const expected = async (_: string, start: Start, act: Act, line: string, answer: Row[4] = {}) => {
  arrivals += 1
  const at = new Arrival(shop, `orders-${arrivals}`)
  await start(at)
  const before = await at.see()
  const result = await act(at)
  expect(told(before, await at.see()), result.output).toBe(line)
  expect(result.code, result.output).toBe(answer.refused === undefined ? 0 : 1)
  expect(result.output).toContain(answer.refused ?? '')
  if (answer.says === undefined) expect(warnings(result)).toBe('')
  else expect(warnings(result)).toContain(answer.says)
  if (line !== 'nothing stored') await at.atRest()
}

describe.concurrent('a Deployment arrives', () => {
  test.each(made)('for the first time by kubectl %s', expected)
  test.each(released)('with the next release by kubectl %s', expected)
  test.each(back)('with the release before by kubectl %s', expected)
  test.each(same)('without a change of its pods by kubectl %s', expected)
  test.each(edited)('with other pods by kubectl %s', expected)
})
