import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, chownSync, closeSync, openSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { binariesOf, makeData } from '../../src/prove/embedded-postgres.ts'
import { query } from './postgres.ts'

/** A server that writes down how it understood each query. */
export interface ListeningServer {
  readonly port: number
  readonly url: string
  /** What it understood in sessions of a name since the last time it was asked. */
  understood(session: RegExp): Calls
}

/** By OID: what queries call, with the types of the arguments that one call had. */
export interface Calls {
  readonly functions: ReadonlyMap<number, readonly (readonly number[])[]>
  readonly operators: ReadonlySet<number>
}

const nobody = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {}

/** Runs one with `debug_print_parse` for the length of a callback. */
export async function withListeningServer(major: number, use: (server: ListeningServer) => Promise<void>) {
  const binaries = await binariesOf(major)
  const folder = await mkdtemp(join(tmpdir(), 'lockkeeper-parse-'))
  if (nobody.uid !== undefined) chownSync(folder, nobody.uid, nobody.gid)
  const [data, log] = [join(folder, 'data'), join(folder, 'log')]
  await makeData(binaries, data)
  const port = await freePort()
  appendFileSync(
    join(data, 'postgresql.conf'),
    `\nport = ${port}\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = '${folder}'\nfsync = off
debug_print_parse = on\ndebug_pretty_print = off\nlog_line_prefix = '@@%a|'\n`,
  )
  const file = openSync(log, 'a')
  const server = spawn(join(binaries, 'postgres'), ['-D', data], {
    ...nobody,
    cwd: '/',
    stdio: ['ignore', 'ignore', file],
  })
  const url = `postgresql://postgres@127.0.0.1:${port}`
  let read = 0
  try {
    await ready(server, `${url}/postgres`)
    await use({
      port,
      url,
      understood(session) {
        const text = readFileSync(log, 'utf8')
        const entries = text
          .slice(read)
          .split('@@')
          .filter((entry) => session.test(entry.slice(0, entry.indexOf('|'))))
        read = text.length
        return callsOf(entries)
      },
    })
  } finally {
    server.kill('SIGQUIT')
    await once(server, 'exit')
    closeSync(file)
    await rm(folder, { recursive: true, force: true })
  }
}

async function ready(server: ChildProcess, url: string): Promise<void> {
  while (server.exitCode === null) {
    const answers = await query(url, 'select 1').then(
      () => true,
      () => false,
    )
    if (answers) return
    await sleep(50)
  }
  throw new Error(`PostgreSQL ended with ${server.exitCode}`)
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

/** A node of the server's parse tree: `{TYPE :field value …}`. */
interface Node {
  readonly type: string
  readonly fields: Map<string, (Node | string)[]>
}

function callsOf(entries: readonly string[]): Calls {
  const functions = new Map<number, number[][]>()
  const operators = new Set<number>()
  const call = (oid: number, types: number[] = []) => functions.set(oid, [...(functions.get(oid) ?? []), types])
  const visit = (node: Node): void => {
    const number = (name: string) => Number(node.fields.get(name)?.[0])
    const args = (node.fields.get('args') ?? []).filter((each): each is Node => typeof each !== 'string')
    if (node.type === 'FUNCEXPR') call(number('funcid'), args.map(typeOf))
    if (node.type === 'AGGREF') call(number('aggfnoid'))
    if (node.type === 'WINDOWFUNC') call(number('winfnoid'))
    if (node.fields.has('opno')) operators.add(number('opno'))
    if (node.fields.has('opfuncid') && number('opfuncid') > 0) call(number('opfuncid'))
    for (const values of node.fields.values()) for (const each of values) if (typeof each !== 'string') visit(each)
  }
  for (const entry of entries) {
    const start = entry.indexOf('{QUERY')
    if (start >= 0) visit(parse(entry.slice(start)))
  }
  return { functions, operators }
}

/** Lists become one flat list of their field; that is enough to see calls. */
function parse(text: string): Node {
  const tokens = text.match(/\{\w+|:\w+|[{}()]|"(?:\\.|[^"])*"|(?:\\.|[^\s(){}\\])+/g) ?? []
  let at = 0
  const node = (): Node => {
    const type = (tokens[at++] ?? '').slice(1)
    const fields = new Map<string, (Node | string)[]>()
    let values: (Node | string)[] = []
    while (at < tokens.length && tokens[at] !== '}') {
      const token = tokens[at] ?? ''
      if (/^:\w/.test(token)) {
        values = []
        fields.set(token.slice(1), values)
        at++
      } else if (token.startsWith('{')) values.push(node())
      else {
        values.push(token)
        at++
      }
    }
    at++
    return { type, fields }
  }
  return node()
}

const BOOLEAN = 16
const TYPE_FIELDS = [
  ...['consttype', 'vartype', 'funcresulttype', 'opresulttype', 'resulttype', 'paramtype', 'aggtype', 'wintype'],
  ...['casetype', 'coalescetype', 'array_typeid', 'minmaxtype', 'refrestype', 'row_typeid'],
]

/** The type of an expression. */
function typeOf({ type, fields }: Node): number {
  const field = TYPE_FIELDS.find((name) => fields.has(name))
  if (field !== undefined) return Number(fields.get(field)?.[0])
  if (type === 'SQLVALUEFUNCTION') return Number(fields.get('type')?.[0])
  if (type === 'SUBLINK') {
    const [query] = (fields.get('subselect') ?? []).filter((each): each is Node => typeof each !== 'string')
    const [entry] = (query?.fields.get('targetList') ?? []).filter((each): each is Node => typeof each !== 'string')
    const [expression] = (entry?.fields.get('expr') ?? []).filter((each): each is Node => typeof each !== 'string')
    // 4 is EXPR_SUBLINK; those before it, EXISTS and the like, are conditions. 6 is ARRAY_SUBLINK.
    return Number(fields.get('subLinkType')?.[0]) === 4 && expression !== undefined ? typeOf(expression) : BOOLEAN
  }
  return BOOLEAN
}
