import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { release } from '../tools/example-files.ts'
import { withFolder } from '../tools/program.ts'

const run = promisify(execFile)
const root = join(import.meta.dirname, '../..')
let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lockkeeper-dist-'))
  const build = join(root, 'test/tools/build.ts')
  await run(process.execPath, [build, '--outdir', join(folder, 'dist'), 'lockkeeper', 'runner'], { cwd: root })
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const built = (name: string) => join(folder, 'dist', name)

describe('what is built', () => {
  test('reads SQL with the parser beside it, whatever folder it is called from, and says when that is not there', () =>
    withFolder(release(3), async (cwd) => {
      const lint = () => run(process.execPath, [built('lockkeeper.js'), 'lint', '-m', '.'], { cwd })
      const { stdout } = await lint()
      expect(stdout).toContain('warning[rename-breaks-clients]\n  --> 3_rename_note.up.sql:1\n')
      await rm(built('libpg-query.wasm'))
      await expect(lint()).rejects.toMatchObject({
        code: 2,
        stderr: expect.stringMatching(/error: .*parser cannot be loaded.*libpg-query\.wasm.*beside/),
      })
    }))

  test('finds the client of Kubernetes, which is a file of its own', async () => {
    const env = { PATH: process.env.PATH, KUBECONFIG: join(folder, 'none') }
    const there = run(process.execPath, [built('lockkeeper.js'), 'doctor'], { env })
    await expect(there).rejects.toMatchObject({ code: 2, stderr: expect.stringContaining('cannot be looked at') })
    await rm(built('lockkeeper-kubernetes.cjs'))
    const gone = run(process.execPath, [built('lockkeeper.js'), 'doctor'], { env })
    await expect(gone).rejects.toMatchObject({ code: 2, stderr: expect.stringContaining('lockkeeper-kubernetes.cjs') })
  })

  test('is the runner too, which says what its environment lacks', async () => {
    const env = { PATH: process.env.PATH, LOCKKEEPER_TERMINATION_LOG: join(folder, 'log') }
    const lacking = run(process.execPath, [built('runner.js')], { env })
    await expect(lacking).rejects.toMatchObject({
      code: 14,
      stdout: expect.stringContaining('LOCKKEEPER_TARGET is not set'),
    })
  })
})
