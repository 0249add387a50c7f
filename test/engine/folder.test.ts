import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { filesAt } from '../../src/cli/migrations.ts'
import { readFolder } from '../../src/engine/read-folder.ts'
import { RunFailure } from '../../src/postgres/failure.ts'
import { Problem } from '../../src/problem.ts'

/** What a folder gives to a pod, and to a person. */
async function readings(path: string) {
  const outcome = async (use: () => unknown) => {
    try {
      return await use()
    } catch (error) {
      return error
    }
  }
  return {
    pod: await outcome(() => readFolder(path, undefined, 'lockkeeper')),
    person: await outcome(() => filesAt(path)),
  }
}

const files = { '1_a.up.sql': 'SELECT 1;', '1_a.down.sql': 'SELECT 1;' }

async function inFolder(use: (folder: string) => void | Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'lockkeeper-folder-'))
  try {
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
    await use(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Root may read everything: then as the account that owns nothing. */
async function asSomebody(use: () => Promise<void>): Promise<void> {
  const root = process.getuid?.() === 0
  if (root) process.seteuid?.(65_534)
  try {
    await use()
  } finally {
    if (root) process.seteuid?.(0)
  }
}

async function expectUnreadable(path: string, why: string): Promise<void> {
  const { pod, person } = await readings(path)
  expect(pod).toBeInstanceOf(RunFailure)
  expect(pod).toMatchObject({ code: 'source-unreadable', message: expect.stringContaining(why) })
  expect(person).toBeInstanceOf(Problem)
  expect(person).toMatchObject({ exit: 2, message: expect.stringContaining(why) })
}

describe('a folder', () => {
  test('that is not there is none to a pod, whose files may be gone, and an error to a person', async () => {
    const { pod, person } = await readings('/nowhere/at/all')
    expect(pod).toBeUndefined()
    expect(person).toMatchObject({ exit: 2, message: expect.stringContaining('ENOENT') })
  })

  test('that may not be read is an error', () =>
    inFolder(async (folder) => {
      chmodSync(folder, 0)
      await asSomebody(() => expectUnreadable(folder, 'EACCES'))
      chmodSync(folder, 0o700)
    }))

  test('with a file that may not be read is an error', () =>
    inFolder(async (folder) => {
      chmodSync(folder, 0o755)
      chmodSync(join(folder, '1_a.up.sql'), 0)
      await asSomebody(() => expectUnreadable(folder, 'EACCES'))
    }))

  test.each<[string, (folder: string) => void]>([
    ['itself', (folder) => symlinkSync('.', join(folder, 'loop'))],
    [
      'the folder around it',
      (folder) => {
        mkdirSync(join(folder, 'below'))
        symlinkSync('..', join(folder, 'below/loop'))
      },
    ],
    [
      'two of them to one another',
      (folder) => {
        symlinkSync('b', join(folder, 'a'))
        symlinkSync('a', join(folder, 'b'))
      },
    ],
    [
      'two of them to itself',
      (folder) => {
        symlinkSync('.', join(folder, 'a'))
        symlinkSync('.', join(folder, 'b'))
      },
    ],
  ])('with links that lead back to %s is an error, and ends', (_, link) =>
    inFolder(async (folder) => {
      link(folder)
      await expectUnreadable(folder, 'ELOOP')
    }),
  )

  test('with a file of more than 100 MB is too large, in one sentence', () =>
    inFolder(async (folder) => {
      truncateSync(join(folder, '1_a.up.sql'), 101 * 1024 * 1024)
      expect(await readFolder(folder, undefined, 'lockkeeper')).toMatchObject({
        migrations: [],
        findings: [{ code: 'source-too-large', message: expect.stringContaining('more than 20 MiB') }],
      })
    }))

  test('whose entries of the kubelet are links reads each file once', () =>
    inFolder(async (folder) => {
      mkdirSync(join(folder, '..2026'))
      symlinkSync('..2026', join(folder, '..data'))
      for (const [name, text] of Object.entries({ '2_b.up.sql': 'SELECT 2;', '2_b.down.sql': 'SELECT 2;' })) {
        writeFileSync(join(folder, '..2026', name), text)
        symlinkSync(join('..data', name), join(folder, name))
      }
      expect(await readFolder(folder, undefined, 'lockkeeper')).toMatchObject({
        migrations: [{ version: '1' }, { version: '2' }],
        findings: [],
      })
    }))
})
