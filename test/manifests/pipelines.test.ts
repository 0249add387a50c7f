import { chmod, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { flywayExample } from '../tools/example-flyway.ts'
import { exampleSets } from '../tools/example-sets.ts'
import { withCheckout } from './checkout.ts'
import { ciFolder, type GithubWorkflow, type GitlabJob, readPipeline } from './pipelines.ts'

const root = join(import.meta.dirname, '../..')
const page = await readFile(join(root, 'docs/pipelines.md'), 'utf8')

describe('nothing in the example pipelines can change by itself:', () => {
  test('each action of GitHub is pinned by commit, and says its version', async () => {
    const text = await readFile(join(ciFolder, 'github-actions.yaml'), 'utf8')
    const { jobs } = await readPipeline<GithubWorkflow>('github-actions.yaml')
    const used = Object.values(jobs).flatMap(({ steps }) => steps.flatMap(({ uses }) => uses ?? []))
    expect(used.length).toBeGreaterThan(5)
    for (const each of used) expect(each).toMatch(/^[\w-]+(\/[\w-]+)+@[0-9a-f]{40}$/)
    expect(text.match(/uses: \S+ # v\d+\.\d+\.\d+$/gm)).toHaveLength(used.length)
  })

  test('each image of GitLab has its full version', async () => {
    const { stages, variables, ...jobs } = await readPipeline<Record<string, GitlabJob>>('gitlab-ci.yaml')
    expect([stages, variables]).not.toContain(undefined)
    const images = Object.values(jobs).flatMap(({ image }) => (typeof image === 'string' ? image : (image?.name ?? [])))
    expect(images.length).toBeGreaterThan(2)
    for (const image of images) expect(image).toMatch(/^[\w./-]+:\d+\.\d+\.\d+(-\w+)?$/)
    for (const [name, { script, ...job }] of Object.entries(jobs)) {
      for (const base of [job.extends ?? []].flat()) expect(Object.keys(jobs), name).toContain(base)
    }
  })
})

test('no message, page or example has lockkeeper run by npx, which would download whatever has that name', async () => {
  const paths = ['README.md', '.pre-commit-hooks.yaml', 'docs', 'manifests', 'src', 'sidecar']
  const found: string[] = []
  for (const path of paths) {
    const whole = join(root, path)
    const below = (await stat(whole)).isDirectory()
      ? await readdir(whole, { recursive: true, withFileTypes: true })
      : []
    const files = below.length === 0 ? [whole] : below.filter((each) => each.isFile())
    for (const file of files) {
      const name = typeof file === 'string' ? file : join(file.parentPath, file.name)
      if (/npx\s+(?:-\S+\s+)*lockkeeper/.test(await readFile(name, 'utf8'))) found.push(name)
    }
  }
  expect(found).toEqual([])
})

test('the images can be built on a base that a release pins by digest', async () => {
  const text = await readFile(join(root, 'Dockerfile'), 'utf8')
  expect(text.match(/^ARG NODE_IMAGE=node:24-trixie-slim$/gm)).toHaveLength(1)
  const bases = [...text.matchAll(/^FROM (\S+)/gm)].map(([, base]) => base)
  expect(new Set(bases)).toEqual(new Set([`\${NODE_IMAGE}`]))
})

interface Hook {
  readonly id: string
  readonly entry: string
  readonly files: string
  readonly pass_filenames: boolean
}
const hooks = parse(await readFile(join(root, '.pre-commit-hooks.yaml'), 'utf8')) as Hook[]

describe('the hook for pre-commit', () => {
  const [hook] = hooks
  const seen = (path: string) => new RegExp(hook?.files ?? '$^').test(path)

  test('is one, and has the name that docs/pipelines.md uses', () => {
    expect(hooks).toHaveLength(1)
    expect(page).toContain(`- id: ${hook?.id}\n`)
    expect(hook?.pass_filenames).toBe(false)
  })

  test.each([...Object.entries(exampleSets), ['flyway', flywayExample] as const])(
    'runs for every file of %s',
    (_, files) => {
      const missed = Object.keys(files).filter((name) => !seen(name) || !seen(`db/migrations/${name}`))
      expect(missed).toEqual([])
    },
  )

  test.each([
    'V1__a.sql.conf',
    'U1.2__b.sql',
    'B7__c.sql',
    'R__views.sql',
    'beforeMigrate.sql',
    'afterMigrate__grants.sql',
  ])('runs for %s of Flyway', (name) => expect(seen(name)).toBe(true))

  test.each(['README.md', 'schema.sql', 'db/seed.sql', '1_create.up.sql.bak', '2024/report.txt', 'Views.sql'])(
    'does not run for %s',
    (name) => expect(seen(name)).toBe(false),
  )

  test.each([
    ['a sound set', undefined, 0],
    ['a down script that is missing', '1_create_orders.down.sql', 1],
  ])('judges the whole folder: %s', (_, without, code) =>
    withCheckout(async ({ run, folder }) => {
      if (without !== undefined) await run(script(`rm chart/migrations/${without}`))
      const result = await run(script(`${hook?.entry} -m chart/migrations`))
      expect({ folder, ...result }).toMatchObject({ code, runs: [{ command: 'lint', code }] })
    }),
  )
})

const script = (text: string) => ({ job: '', name: '', shell: ['sh'], text, env: {}, always: false })

describe('the hook for git, as docs/pipelines.md has it,', () => {
  const hook = /```sh\n(#!\/bin\/sh\n[\s\S]*?)```/.exec(page)?.[1] ?? ''
  const who = 'git -c user.name=a -c user.email=a@example.com commit -qm next'
  const down = 'chart/migrations/2_add_note.down.sql'

  test.each([
    ['lets a sound migration through', 'echo "-- again" >> chart/migrations/2_add_note.up.sql; git add .', 0, 1],
    ['stops a down script without statements', `echo "-- later" > ${down}; git add .`, 1, 1],
    ['stops a commit that only deletes a down script', `git rm -q ${down}`, 1, 1],
    [
      'judges what is staged, and not what is on disk',
      `echo "-- later" > ${down}; git add .; echo "DROP TABLE x;" > ${down}`,
      1,
      1,
    ],
    [
      'does not look where no migration is staged',
      `echo "-- later" > ${down}; echo x > notes.txt; git add notes.txt`,
      0,
      0,
    ],
  ])('%s', (_, change, code, runs) =>
    withCheckout(async ({ run, folder }) => {
      expect(hook).toContain('lockkeeper lint')
      await mkdir(join(folder, '.git/hooks'), { recursive: true })
      await writeFile(join(folder, '.git/hooks/pre-commit'), hook)
      await chmod(join(folder, '.git/hooks/pre-commit'), 0o755)
      const result = await run(script(`${change}\n${who}`))
      expect(result).toMatchObject({ code, runs: Array.from({ length: runs }, () => ({ command: 'lint', code })) })
    }),
  )
})
