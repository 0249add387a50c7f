import type { KeyObject } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { stateOf } from '../postgres/failure.ts'
import { Problem } from '../problem.ts'
import { type Dump, readDump } from '../prove/dump.ts'
import { signingKey } from '../prove/proof-store.ts'
import { versionOption } from './database.ts'
import type { MigrationOptions } from './migrations.ts'

/** As the command line has them. */
export interface ProveOptions extends MigrationOptions {
  readonly scratch?: string
  readonly major?: string
  readonly data?: boolean
  readonly searchPath?: string
  readonly from?: string
  readonly since?: string
  readonly proof?: string
  readonly sign?: string
  readonly output?: string
}

export interface ProveRequest {
  readonly scratch: string | undefined
  readonly major: number
  readonly rows: boolean
  readonly searchPath: readonly string[] | undefined
  readonly dump: Dump | undefined
  readonly since: string | undefined
  readonly proof: string | undefined
  readonly key: KeyObject | undefined
}

const MAJORS = [14, 15, 16, 17, 18]
const NEWEST = 18

/** Throws Problem. */
export function proveRequest(options: ProveOptions): ProveRequest {
  const { scratch, major, data, searchPath, from, since, proof, sign } = options
  const number = Number(major ?? NEWEST)
  if (!MAJORS.includes(number)) throw new Problem(`--major is "${major}"`, `it may be ${MAJORS.join(', ')}`)
  if (scratch !== undefined && major !== undefined) {
    throw new Problem('--major chooses an embedded server, and --scratch names one', 'leave one of them out')
  }
  if (sign !== undefined && proof === undefined) {
    throw new Problem('--sign signs a proof, and no file for it is named', 'add --proof FILE')
  }
  return {
    scratch,
    major: number,
    rows: data === true,
    searchPath: searchPath === undefined ? undefined : namesOf(searchPath),
    dump: from === undefined ? undefined : dumpAt(from),
    since: versionOption('--since', since),
    proof,
    key: sign === undefined ? undefined : signingKey(sign),
  }
}

/** The schemas of a search_path as SET reads them: a name without quotes is in lower case. */
function namesOf(path: string): string[] {
  const name = String.raw`\s*(?:"(?:[^"]|"")+"|[$A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*)\s*`
  if (!new RegExp(`^${name}(?:,${name})*$`).test(path)) {
    throw new Problem(
      `--search-path is "${path}", which is not a list of schemas`,
      `write names as in SET search_path: --search-path 'app, public'`,
    )
  }
  const names = path.match(/"(?:[^"]|"")+"|[^\s,"]+/g) ?? []
  return names.map((each) => (each.startsWith('"') ? each.slice(1, -1).replaceAll('""', '"') : each.toLowerCase()))
}

function dumpAt(path: string): Dump {
  let bytes: Buffer
  try {
    bytes = readFileSync(path)
  } catch (error) {
    throw new Problem(`the dump ${path} cannot be read (${stateOf(error)})`, 'write one with: pg_dump --schema-only')
  }
  try {
    return readDump(path, new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    throw new Problem(`the dump ${path} is no UTF-8`, 'write it with: pg_dump --schema-only --encoding=UTF8')
  }
}
