import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { catalogueOf } from '../../src/migration/catalogue.ts'
import { readSource } from '../../src/migration/catalogue-source.ts'
import { digestOf } from '../../src/migration/digest.ts'
import type { CatalogueEntry } from '../../src/migration/migration.ts'
import { readMigrations } from '../../src/migration/read.ts'
import type { ConfigMapLike } from '../../src/migration/source.ts'
import { release } from '../tools/example-files.ts'
import { exampleSets } from '../tools/example-sets.ts'
import { lockkeeper, withFolder } from '../tools/program.ts'

type Files = Readonly<Record<string, string>>
const inMigrations = (files: Files) =>
  Object.fromEntries(Object.entries(files).map(([name, text]) => [`migrations/${name}`, text]))
const digestOfFiles = (files: Files) =>
  digestOf(catalogueOf(readMigrations(Object.entries(files).map(([name, content]) => ({ name, content })))), '99')
/** What the webhook reads of a ConfigMap. */
function inWebhook(manifest: ConfigMapLike, catalogue = true) {
  const read = readSource([manifest], { catalogue })
  if ('flaw' in read) throw new Error(read.flaw)
  return read.content.catalogue
}
/** What it makes of a printed manifest. */
function digestInWebhook(stdout: string): string {
  return digestOf(inWebhook(parse(stdout)), '99')
}
const many = (count: number): Files =>
  Object.fromEntries(
    Array.from({ length: count }, (_, i) => i + 1).flatMap((n) => [
      [`${n}_step.up.sql`, `SELECT ${n};`],
      [`${n}_step.down.sql`, `SELECT -${n};`],
    ]),
  )

describe('catalogue', () => {
  test('prints a ConfigMap that kubectl takes and the webhook reads as the files themselves', () =>
    withFolder(inMigrations(release(3)), async (cwd) => {
      const { code, stdout, stderr } = await lockkeeper(['catalogue', '--name', 'orders-catalogue', '-n', 'shop'], {
        cwd,
      })
      expect(code).toBe(0)
      const manifest = parse(stdout)
      expect(manifest).toMatchObject({
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: 'orders-catalogue', namespace: 'shop' },
      })
      expect(Object.keys(manifest.data)).toEqual(['catalogue.json'])
      expect(digestInWebhook(stdout)).toBe(digestOfFiles(release(3)))
      const { entries, ...asFiles } = inWebhook({ data: release(3) }, false)
      const own = ({ floor: _, findings: __, ...entry }: CatalogueEntry) => entry
      expect(inWebhook(manifest)).toMatchObject({ ...asFiles, entries: entries.map(own) })
      expect(stdout).not.toMatch(/CREATE|ALTER|INSERT/)
      expect(stderr).toMatch(/^migrations: 3, errors among their findings: 0, bytes: \d+\n$/)
    }))

  test('prints the same as one JSON document, without a namespace where none is given, and nothing else when quiet', () =>
    withFolder(inMigrations(release(2)), async (cwd) => {
      const json = await lockkeeper(['catalogue', '--name', 'c', '-o', 'json', '-q'], { cwd })
      expect([json.code, json.stderr]).toEqual([0, ''])
      const yaml = await lockkeeper(['catalogue', '--name', 'c', '-q'], { cwd })
      expect(JSON.parse(json.stdout)).toEqual(parse(yaml.stdout))
      expect(JSON.parse(json.stdout).metadata).toEqual({ name: 'c' })
    }))

  test('holds the findings, which the webhook judges by the policy of the namespace: it is no refusal here', () =>
    withFolder(inMigrations({ ...release(1), '2_x.up.sql': 'SELECT 1;' }), async (cwd) => {
      const { code, stdout, stderr } = await lockkeeper(['catalogue', '--name', 'c'], { cwd })
      expect(code).toBe(0)
      expect(stdout).toContain('rollback-missing')
      expect(stderr).toContain('errors among their findings: 1')
    }))

  test('of files whose names a ConfigMap cannot hold is that of the image that holds them', () =>
    withFolder(inMigrations(exampleSets.dbdeploy), async (cwd) => {
      const { stdout } = await lockkeeper(['catalogue', '--name', 'c'], { cwd })
      expect(digestInWebhook(stdout)).toBe(digestOfFiles(exampleSets.dbdeploy))
    }))

  test('reads what the other commands read: several folders, ConfigMap manifests, placeholders, a history schema', () =>
    withFolder(
      {
        'a/V1__a.sql': `SELECT '\${word}';`,
        'a/U1__a.sql': 'DROP SCHEMA elsewhere;',
        'b.yaml': JSON.stringify({ kind: 'ConfigMap', data: { 'V2__b.sql': 'SELECT 2;', 'U2__b.sql': 'SELECT 2;' } }),
      },
      async (cwd) => {
        const args = [
          'catalogue',
          '--name',
          'c',
          '-m',
          'a',
          'b.yaml',
          '--placeholder',
          'word=x',
          '--history-schema',
          'elsewhere',
        ]
        const { code, stdout } = await lockkeeper(args, { cwd })
        expect(code).toBe(0)
        const { entries } = JSON.parse(parse(stdout).data['catalogue.json'])
        expect(entries.map(({ version }: { version: string }) => version)).toEqual(['1', '2'])
        const codes = entries[0].findings.map(({ code }: { code: string }) => code)
        expect(codes).toEqual(['rollback-touches-history', 'rollback-drops-others'])
      },
    ))

  test.each([
    [1100, true],
    [200, false],
  ])('of %d migrations says that it is too large for kubectl apply, and how else: %s', (count, said) =>
    withFolder(inMigrations(many(count)), async (cwd) => {
      const { code, stdout, stderr } = await lockkeeper(['catalogue', '--name', 'c'], { cwd })
      expect([code, stderr.includes('too large for kubectl apply: use kubectl apply --server-side')]).toEqual([0, said])
      expect(stdout.length / count).toBeLessThan(250)
    }),
  )

  test('of more than a ConfigMap holds is refused, and nothing is printed', () =>
    withFolder({ 'm.json': JSON.stringify({ kind: 'ConfigMap', data: many(4500) }) }, async (cwd) => {
      const { code, stdout, stderr } = await lockkeeper(['catalogue', '--name', 'c', '-m', 'm.json'], { cwd })
      expect([code, stdout]).toEqual([1, ''])
      expect(stderr).toMatch(/the catalogue of 4500 migrations has \d+ bytes, and a ConfigMap holds 1048576\n {2}fix: /)
    }))

  test.each<[string, readonly string[], Files, number, string]>([
    ['without a name', ['catalogue'], release(1), 2, "required option '--name <name>'"],
    ['with a name that none can have', ['catalogue', '--name', 'Orders'], release(1), 2, 'is no name of a ConfigMap'],
    ['of no migration', ['catalogue', '--name', 'c'], { '.keep': '' }, 1, 'there is no migration file'],
    ['of files that are none', ['catalogue', '--name', 'c'], { 'a.txt': '' }, 1, 'is named as a migration'],
    ['of two formats', ['catalogue', '--name', 'c'], { ...release(1), 'V1__x.sql': '' }, 1, 'is written for'],
  ])('%s prints nothing and says why', async (_, args, files, exit, message) =>
    withFolder(inMigrations(files), async (cwd) => {
      const { code, stdout, stderr } = await lockkeeper(args, { cwd })
      expect([code, stdout]).toEqual([exit, ''])
      expect(stderr).toContain(message)
    }),
  )
})
