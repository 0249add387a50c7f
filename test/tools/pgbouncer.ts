import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../../src/prove/embedded-postgres.ts'

/** A real PgBouncer: what to start, and where its libraries are. */
interface Bouncer {
  readonly program: string
  readonly libraries: string
}

/** From the PATH, else from Debian's packages, unpacked into a folder; undefined where neither is to be had. */
export async function findBouncer(folder: string): Promise<Bouncer | undefined> {
  try {
    return { program: execFileSync('which', ['pgbouncer'], { encoding: 'utf8' }).trim(), libraries: '' }
  } catch {
    // Not installed: the packages will do.
  }
  try {
    const apt = (...names: string[]) =>
      execFileSync('apt-get', ['-qq', 'download', ...names], { cwd: folder, stdio: 'ignore', timeout: 60_000 })
    apt('pgbouncer')
    const [bouncer = ''] = await readdir(folder)
    const needs = execFileSync('dpkg-deb', ['-f', bouncer, 'Depends'], { cwd: folder, encoding: 'utf8' })
    apt(...(needs.match(/lib(?:c-ares|event)[^ ,]*/g) ?? []))
    for (const name of (await readdir(folder)).filter((each) => each.endsWith('.deb'))) {
      execFileSync('dpkg-deb', ['-x', name, '.'], { cwd: folder })
    }
    const [libraries = ''] = (await readdir(join(folder, 'usr/lib'))).map((name) => join(folder, 'usr/lib', name))
    return { program: join(folder, 'usr/sbin/pgbouncer'), libraries }
  } catch {
    return undefined
  }
}

/** Runs PgBouncer before a server on loopback for the length of a callback, which gets its port. */
export async function withBouncer<T>(
  { program, libraries }: Bouncer,
  server: number,
  mode: 'session' | 'transaction' | 'statement',
  use: (port: number) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'lockkeeper-bouncer-'))
  await chmod(folder, 0o777)
  const port = await freePort()
  const settings = {
    listen_addr: '127.0.0.1',
    listen_port: port,
    auth_type: 'any',
    pool_mode: mode,
    unix_socket_dir: '',
    ignore_startup_parameters: 'extra_float_digits,options',
  }
  const lines = Object.entries(settings).map(([name, value]) => `${name} = ${value}`)
  const config = join(folder, 'pgbouncer.ini')
  await writeFile(
    config,
    `[databases]\n* = host=127.0.0.1 port=${server} user=postgres\n[pgbouncer]\n${lines.join('\n')}\n`,
  )
  const child = spawn(program, [config], {
    env: { LD_LIBRARY_PATH: libraries },
    stdio: ['ignore', 'ignore', 'pipe'],
    ...(process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {}),
  })
  try {
    await started(child)
    return await use(port)
  } finally {
    const over = once(child, 'exit')
    if (child.kill('SIGKILL')) await over
    await rm(folder, { recursive: true, force: true })
  }
}

async function started(child: ChildProcess): Promise<void> {
  let log = ''
  await new Promise<void>((resolve, reject) => {
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      log += text
      if (/process up/.test(log)) resolve()
    })
    child.once('error', reject)
    child.once('exit', (code) => reject(new Error(`PgBouncer ended with ${code}: ${log}`)))
  })
}
