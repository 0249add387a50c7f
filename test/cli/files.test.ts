import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { readdir, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { demoFiles } from '../../src/cli/demo-files.ts'
import { release } from '../tools/example-files.ts'
import { lockkeeper, withFolder } from '../tools/program.ts'

describe('lockkeeper', () => {
  test('without arguments, with an unknown command or option ends with 2 and says where help is', async () => {
    for (const args of [[], ['frobnicate'], ['lint', '--nonsense']]) {
      const { code, stdout } = await lockkeeper(args)
      expect([code, stdout]).toEqual([2, ''])
    }
    const { stderr } = await lockkeeper(['lint', '--nonsense'])
    expect(stderr).toContain("unknown option '--nonsense'")
    expect(stderr).toContain('--help')
  })

  test('says nothing when who reads its output has seen enough', async () => {
    const main = join(import.meta.dirname, '../../src/cli/main.ts')
    // The shell's own `true` ends at once; the sleep lets it.
    const pipe = `(sleep 0.2; '${process.execPath}' '${main}' --help; echo $? >&2) | true`
    const { stderr } = await promisify(execFile)('sh', ['-c', pipe])
    expect(stderr).toBe('0\n')
  })

  test('--help of every command shows an example', async () => {
    const { code, stdout } = await lockkeeper(['--help'])
    expect(code).toBe(0)
    const commands = [...stdout.matchAll(/^ {2}([a-z-]+) \[options\]/gm)].map(([, name]) => name ?? '')
    expect(commands).toEqual([
      ...[
        'new',
        'lint',
        'catalogue',
        'plan',
        'up',
        'down',
        'status',
        'history',
        'adopt',
        'forget',
        'resolve',
        'history-ddl',
        'review',
      ],
      'demo',
      'doctor',
      'prove',
    ])
    const helps = await Promise.all(commands.map((name) => lockkeeper([name, '--help'])))
    for (const help of helps) expect(help.stdout).toMatch(/Example:\n {2}.*lockkeeper/)
  })

  test('--version prints the version', async () => {
    expect((await lockkeeper(['--version'])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/)
  })
})

describe('new', () => {
  test('writes into a folder in the format that it has', () =>
    withFolder({ 'm/V2__a.sql': 'SELECT 1;', 'm/U2__a.sql': 'SELECT 1;' }, async (cwd) => {
      const { stdout } = await lockkeeper(['new', 'Add email', '-m', 'm'], { cwd })
      expect(stdout).toBe('m/V3__add_email.sql\nm/U3__add_email.sql\n')
    }))

  test('begins with six digits in an empty folder and goes on from the highest', () =>
    withFolder({}, async (folder) => {
      const first = await lockkeeper(['new', 'create orders'], { cwd: folder })
      expect(first).toMatchObject({
        code: 0,
        stdout: 'migrations/000001_create_orders.up.sql\nmigrations/000001_create_orders.down.sql\n',
      })
      const second = await lockkeeper(['new', 'Add Email!', '-o', 'json'], { cwd: folder })
      expect(JSON.parse(second.stdout)).toEqual([
        'migrations/000002_add_email.up.sql',
        'migrations/000002_add_email.down.sql',
      ])
      expect(await readdir(join(folder, 'migrations'))).toHaveLength(4)
    }))
})

describe('review', () => {
  const manifest = (version: number, files: Readonly<Record<string, string>>) =>
    [
      { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'm', namespace: 'shop' }, data: files },
      {
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata: {
          name: 'orders',
          namespace: 'shop',
          annotations: {
            'lockkeeper.dev/schema-version': String(version),
            'lockkeeper.dev/migrations': 'm',
            'lockkeeper.dev/database': 'secret/db#uri',
          },
        },
        spec: { selector: {}, template: { metadata: {}, spec: { containers: [{ name: 'a' }] } } },
      },
    ]
      .map((object) => JSON.stringify(object))
      .join('\n---\n')

  test('says what kubectl would say, from standard input', async () => {
    const { code, stdout } = await lockkeeper(['review', '-f', '-'], { input: manifest(2, release(2)) })
    expect(stdout).toContain('Warning: shop/Deployment/orders: schema as it is to 2, 2 migrations')
    expect(stdout).toContain('deployment/orders in shop: allowed')
    expect(code).toBe(0)
  })

  test('ends with 1 and the message when it is denied, and with JSON per object', async () => {
    const input = manifest(2, { ...release(1), '2_x.up.sql': 'SELECT 1;' })
    const { code, stdout } = await lockkeeper(['review', '-f', '-'], { input })
    expect(code).toBe(1)
    expect(stdout).toContain(
      'deployment/orders in shop: denied\nschema version 2 of shop/orders cannot be rolled back:\n  rollback-missing',
    )
    const json = JSON.parse((await lockkeeper(['review', '-f', '-', '-o', 'json'], { input })).stdout)
    expect(json[0]).toMatchObject({ kind: 'Deployment', namespace: 'shop', name: 'orders', allowed: false })
    expect(json[0].findings[0]).toMatchObject({ code: 'rollback-missing', version: '2' })
    const off = ['--namespace-annotation', 'lockkeeper.dev/rollback-policy=off']
    expect((await lockkeeper(['review', '-f', '-', ...off], { input })).code).toBe(0)
  })

  test('compares with the objects as they are', () =>
    withFolder({ 'old.yaml': manifest(2, release(2)) }, async (cwd) => {
      const { stdout } = await lockkeeper(['review', '-f', '-', '--old', 'old.yaml'], {
        cwd,
        input: manifest(3, release(3)),
      })
      expect(stdout).toContain('allowed')
    }))

  test('ends with 3 when nothing asks for a schema, and with 2 for what is no YAML', async () => {
    const plain = JSON.stringify({ apiVersion: 'v1', kind: 'Service', metadata: { name: 'x' } })
    expect((await lockkeeper(['review', '-f', '-'], { input: plain })).code).toBe(3)
    expect((await lockkeeper(['review', '-f', '-'], { input: 'a: [' })).code).toBe(2)
    expect((await lockkeeper(['review', '-f', 'nowhere.yaml'])).code).toBe(2)
  })
})

test('a folder that is not there, or whose links lead in a circle, ends with 2 and says so', () =>
  withFolder({ 'm/V1__a.sql': 'SELECT 1;' }, async (cwd) => {
    await symlink(join(cwd, 'm'), join(cwd, 'm', 'again'))
    const circle = await lockkeeper(['lint', '-m', 'm'], { cwd })
    expect([circle.code, circle.stderr]).toEqual([
      2,
      expect.stringMatching(/m cannot be read \(ELOOP\)\n.*--migrations/),
    ])
    const nowhere = await lockkeeper(['lint', '-m', 'nowhere'], { cwd })
    expect([nowhere.code, nowhere.stderr]).toEqual([2, expect.stringContaining('nowhere cannot be read (ENOENT)')])
  }))

test('the demo tells the example’s own migrations', () => {
  for (const { name, content } of demoFiles(3)) {
    const path = join(import.meta.dirname, '../../manifests/examples/orders/chart/migrations', name)
    expect(content).toBe(readFileSync(path, 'utf8'))
  }
})
