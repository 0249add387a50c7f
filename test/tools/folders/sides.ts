import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { Client } from 'pg'
import { lockkeeper } from '../program.ts'
import type { Section } from './source-files.ts'

/** Why a script was not run. */
export interface Stop {
  /** SQLSTATE of the server; else the code of Lockkeeper's finding. */
  readonly code: string
  readonly message: string
  /** Lockkeeper did not try. */
  readonly refused: boolean
}

/** `psql -X -v ON_ERROR_STOP=1 [-1] -f …`. Undefined: it went well. */
export function runPsql(programs: string, url: string, { sql, together }: Section): Promise<Stop | undefined> {
  const options = ['-X', '-q', '-v', 'ON_ERROR_STOP=1', '-v', 'VERBOSITY=verbose', ...(together ? ['-1'] : [])]
  return new Promise((resolve, reject) => {
    const child = spawn(join(programs, 'psql'), [...options, '-f', '-', '-d', url], {
      env: { PGCLIENTENCODING: 'UTF8' },
      stdio: ['pipe', 'ignore', 'pipe'],
    })
    let stderr = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text
    })
    child.stdin.on('error', () => undefined) // It stops reading where a statement fails.
    child.once('error', reject)
    child.once('close', (exit) => {
      const [, code, message] = /(?:ERROR|FATAL): {2}(\w{5}): (.*)/.exec(stderr) ?? []
      if (exit === 0) resolve(undefined)
      else resolve({ code: code ?? `psql ${exit}`, message: message ?? stderr.trim(), refused: false })
    })
    child.stdin.end(sql)
  })
}

interface Answer {
  readonly findings: readonly { readonly code: string; readonly sqlstate?: string; readonly message: string }[]
}

/** `lockkeeper up` or `down`. Undefined: it went well. */
export async function runLockkeeper(url: string, args: readonly string[]): Promise<Stop | undefined> {
  const { code, stdout, stderr } = await lockkeeper([...args, '--database', url, '-q', '-o', 'json'])
  if (code === 0) return undefined
  const findings = stdout.startsWith('{') ? (JSON.parse(stdout) as Answer).findings : []
  const found = findings.find(({ message }) => stderr.includes(message)) ?? findings[0]
  if (found === undefined) return { code: `exit ${code}`, message: stderr.trim(), refused: true }
  return { code: found.sqlstate ?? found.code, message: found.message, refused: found.sqlstate === undefined }
}

/** Lockkeeper says the same, with the place in front of it and the hint behind it. */
export const isSameStop = (psql: Stop, ours: Stop) => psql.code === ours.code && ours.message.includes(psql.message)

/** A copy of the database `postgres`, under another name; one that is there is dropped. */
export async function copyDatabase(server: string, name: string): Promise<string> {
  const client = new Client(`${server}/template1`)
  await client.connect()
  try {
    await client.query(`drop database if exists ${name} with (force)`)
    await client.query(`create database ${name} template postgres strategy file_copy`)
  } finally {
    await client.end()
  }
  return `${server}/${name}`
}
