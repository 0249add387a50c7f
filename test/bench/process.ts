import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'

export interface Measured {
  readonly ms: number
  /** The most memory that the process had resident, MB; 0 where /proc does not say. */
  readonly megabytes: number
  readonly output: string
}

/** Runs a program of ours to its end, and measures it as a whole process. Throws when it fails. */
export async function measure(file: string, env: Readonly<Record<string, string>>): Promise<Measured> {
  const began = performance.now()
  const child = spawn(process.execPath, [file], {
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
  let megabytes = 0
  const timer = setInterval(() => {
    megabytes = Math.max(megabytes, peakOf(child))
  }, 20)
  const code = await new Promise<number | null>((resolve) => child.once('exit', resolve))
  clearInterval(timer)
  if (code !== 0) throw new Error(`${file} ended with ${code}: ${output}`)
  return { ms: performance.now() - began, megabytes, output }
}

/** The most that a process had resident, MB (Linux). */
export const peakOf = (child: Pick<ChildProcess, 'pid'>): number => statusOf(child, /VmHWM:\s+(\d+) kB/)
/** What it has resident now, MB. */
export const residentOf = (child: Pick<ChildProcess, 'pid'>): number => statusOf(child, /VmRSS:\s+(\d+) kB/)

function statusOf({ pid }: Pick<ChildProcess, 'pid'>, line: RegExp): number {
  try {
    return Number(line.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024
  } catch {
    return 0 // It has ended, or this is no Linux.
  }
}
