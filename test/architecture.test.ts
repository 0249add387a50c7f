import { globSync, readFileSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import { dirname, join, normalize, sep } from 'node:path'
import { init, parse } from 'es-module-lexer'
import { beforeAll, describe, expect, test } from 'vitest'

/** The import table: what a part may import of ours, and of packages and Node. Its own folder is always allowed. */
const table: Record<string, { ours: readonly string[]; packages: readonly string[] }> = {
  'src/contract.ts': { ours: [], packages: [] },
  'src/problem.ts': { ours: [], packages: [] },
  'src/limits.ts': { ours: [], packages: [] },
  'src/migration': { ours: ['src/contract.ts'], packages: ['node:crypto', 'node:zlib', 'zod/mini'] },
  'src/sql': { ours: ['src/migration', 'src/contract.ts'], packages: ['libpg-query', 'node:v8'] },
  'src/safety': { ours: ['src/sql', 'src/migration', 'src/contract.ts'], packages: ['libpg-query'] },
  'src/proof': { ours: ['src/migration', 'src/contract.ts'], packages: ['node:crypto'] },
  'src/injection': {
    ours: ['src/migration', 'src/contract.ts'],
    packages: ['node:crypto', 'node:util', 'fast-json-patch'],
  },
  'src/admission': {
    ours: ['src/injection', 'src/safety', 'src/proof', 'src/migration', 'src/contract.ts'],
    packages: ['node:crypto', 'node:util', 'zod/mini'],
  },
  'src/postgres': { ours: ['src/migration', 'src/contract.ts'], packages: ['pg', 'node:'] },
  'src/history': { ours: ['src/postgres', 'src/migration', 'src/contract.ts'], packages: ['node:crypto', 'node:zlib'] },
  'src/engine': {
    ours: ['src/history', 'src/postgres', 'src/sql', 'src/safety', 'src/migration', 'src/contract.ts'],
    packages: ['node:'],
  },
  'src/prove': {
    ours: [
      'src/engine',
      'src/history',
      'src/postgres',
      'src/proof',
      'src/migration',
      'src/contract.ts',
      'src/problem.ts',
      'src/cli/database.ts',
    ],
    packages: ['node:'],
  },
  certs: { ours: ['src/contract.ts'], packages: ['node-forge', 'node:crypto', 'node:util'] },
  'src/kubernetes': {
    ours: ['certs', 'src/migration', 'src/contract.ts'],
    packages: ['@kubernetes/client-node', 'undici', 'node:crypto', 'node:timers/promises'],
  },
  'src/diagnosis': {
    ours: ['src/admission', 'src/injection', 'src/migration', 'certs', 'src/contract.ts'],
    packages: ['node:crypto'],
  },
  'src/webhook': {
    ours: ['src/admission', 'src/injection', 'src/sql', 'src/safety', 'src/migration', 'src/contract.ts'],
    packages: ['express', 'prom-client', 'zod/mini', 'node:'],
  },
  sidecar: {
    ours: ['src/engine', 'src/history', 'src/postgres', 'src/migration', 'src/contract.ts'],
    packages: ['node:'],
  },
  'src/cli': { ours: ['src/', 'certs', 'package.json'], packages: ['*'] },
  'src/main.ts': { ours: ['src/', 'certs'], packages: ['*'] },
}

const root = join(import.meta.dirname, '..')
const files = globSync('{src,sidecar,certs}/**/*.ts', { cwd: root }).map((file) => file.split(sep).join('/'))
const partOf = (file: string) =>
  Object.keys(table)
    .filter((part) => file === part || file.startsWith(`${part}/`))
    .sort((a, b) => b.length - a.length)[0]

/** Value imports, static and dynamic with a literal; types are erased and free. */
function importsOf(file: string): string[] {
  const [imports] = parse(stripTypeScriptTypes(readFileSync(join(root, file), 'utf8')))
  return imports.flatMap(({ specifier }) => (typeof specifier === 'string' ? [specifier] : []))
}

function forbidden(file: string, target: string): boolean {
  const part = partOf(file)
  const rules = part === undefined ? undefined : table[part]
  if (rules === undefined || part === undefined) return true
  if (!target.startsWith('.')) {
    return !rules.packages.some(
      (name) => name === '*' || target === name || (name === 'node:' && target.startsWith(name)),
    )
  }
  const ours = normalize(join(dirname(file), target))
    .split(sep)
    .join('/')
  if (file !== 'src/main.ts' && ours === 'src/main.ts') return true
  // Every part has bounds, and they are in one place.
  if (ours === 'src/limits.ts') return false
  return !(partOf(ours) === part || rules.ours.some((name) => ours === name || ours.startsWith(name)))
}

beforeAll(() => init)

describe('imports', () => {
  test('every file belongs to a part of the table', () => {
    expect(files.filter((file) => partOf(file) === undefined)).toEqual([])
    expect(files.length).toBeGreaterThan(20)
  })

  test('go only where the table allows', () => {
    const wrong = files.flatMap((file) =>
      importsOf(file)
        .filter((target) => forbidden(file, target))
        .map((target) => `${file} imports ${target}`),
    )
    expect(wrong).toEqual([])
  })

  test('that cross the table are found', () => {
    expect(forbidden('src/migration/plan.ts', 'pg')).toBe(true)
    expect(forbidden('src/migration/plan.ts', '../webhook/app.ts')).toBe(true)
    expect(forbidden('sidecar/main.ts', '@kubernetes/client-node')).toBe(true)
    expect(forbidden('src/cli/main.ts', '../main.ts')).toBe(true)
    expect(forbidden('sidecar/main.ts', '../src/migration/plan.ts')).toBe(false)
  })
})

describe('pure parts', () => {
  const pure = [
    'src/contract.ts',
    'src/limits.ts',
    'src/webhook/config.ts',
    'src/sql',
    'src/migration',
    'src/safety',
    'src/proof',
    'src/injection',
    'src/admission',
    'src/diagnosis',
  ]
  /** What would make an answer depend on more than the values that were passed in. */
  const effects = /\b(Date\.now|new Date\(\)|Math\.random|process\.|console\.|setTimeout|setInterval|fetch\()/

  test('know no clock, environment, log or network', () => {
    const wrong = files
      .filter((file) => pure.some((part) => file === part || file.startsWith(`${part}/`)))
      .filter((file) => effects.test(stripComments(stripTypeScriptTypes(readFileSync(join(root, file), 'utf8')))))
    expect(wrong).toEqual([])
  })
})

const stripComments = (text: string) => text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|\s)\/\/.*$/gm, '$1')
