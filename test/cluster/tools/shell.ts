import { spawn } from 'node:child_process'

export interface Result {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
  /** Both, in one text: what a person sees. */
  readonly output: string
}

export interface RunOptions {
  readonly input?: string
  readonly env?: Readonly<Record<string, string>>
}

/** Only the cluster that was named for tests is ever talked to. */
function environment(): Record<string, string | undefined> {
  const kubeconfig = process.env.LOCKKEEPER_TEST_KUBECONFIG
  if (kubeconfig === undefined || kubeconfig === '') throw new Error('LOCKKEEPER_TEST_KUBECONFIG names no cluster')
  return { ...process.env, KUBECONFIG: kubeconfig }
}

/** Runs a program without a shell, and returns whatever its exit code. */
export function run(program: string, args: readonly string[], { input, env }: RunOptions = {}): Promise<Result> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { env: { ...environment(), ...env }, stdio: ['pipe', 'pipe', 'pipe'] })
    let stdout = ''
    let stderr = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text
    })
    child.once('error', reject)
    child.once('close', (code) => resolve({ code: code ?? -1, stdout, stderr, output: stdout + stderr }))
    child.stdin.end(input)
  })
}

/** Runs a program that must succeed; its standard output. */
export async function must(program: string, args: readonly string[], options?: RunOptions): Promise<string> {
  const { code, stdout, output } = await run(program, args, options)
  if (code !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${code}:\n${output}`)
  return stdout
}

export const kubectl = (...args: string[]): Promise<Result> => run('kubectl', args)
export const mustKubectl = (...args: string[]): Promise<string> => must('kubectl', args)

/** Applies objects, as `kubectl apply -f -` does. */
export const apply = (objects: object | readonly object[], ...args: string[]): Promise<Result> =>
  run('kubectl', ['apply', '-f', '-', ...args], {
    input: JSON.stringify({ apiVersion: 'v1', kind: 'List', items: Array.isArray(objects) ? objects : [objects] }),
  })

export async function mustApply(objects: object | readonly object[]): Promise<string> {
  const { code, output } = await apply(objects)
  if (code !== 0) throw new Error(`kubectl apply ended with ${code}:\n${output}`)
  return output
}

// biome-ignore lint/suspicious/noExplicitAny: objects of the API as they come
export const get = async (...args: string[]): Promise<any> =>
  JSON.parse(await mustKubectl('get', ...args, '-o', 'json'))

/** Polls until something holds; says what it waited for when it does not. */
export async function waitFor<T>(what: string, look: () => Promise<T | undefined | false>, seconds = 120): Promise<T> {
  const until = Date.now() + seconds * 1000
  let last: unknown
  for (;;) {
    try {
      const found = await look()
      if (found !== undefined && found !== false) return found
    } catch (error) {
      last = error
    }
    if (Date.now() > until) throw new Error(`waited ${seconds} s for ${what}${last === undefined ? '' : `: ${last}`}`)
    await new Promise((resolve) => setTimeout(resolve, 500))
  }
}
