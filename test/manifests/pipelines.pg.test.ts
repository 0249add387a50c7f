import { generateKeyPairSync } from 'node:crypto'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { publicKeyLine } from '../../src/proof/signature.ts'
import { type Checkout, type ScriptResult, withCheckout } from './checkout.ts'
import { githubScripts, gitlabScripts, type PipelineScript } from './pipelines.ts'

const page = await readFile(join(import.meta.dirname, '../../docs/pipelines.md'), 'utf8')
const states = ['sound', 'faulty', 'missing'] as const
type State = (typeof states)[number]
/** The rows of docs/pipelines.md: what each command ends with. */
const documented = Object.fromEntries(
  [...page.matchAll(/^\| `(\w+)` \| (\d) \| (\d) \| (\d) \|/gm)].map(([, command = '', ...codes]) => [
    command,
    Object.fromEntries(states.map((state, i) => [state, Number(codes[i])])),
  ]),
)

const keys = generateKeyPairSync('ed25519')
const pem = String(keys.privateKey.export({ format: 'pem', type: 'pkcs8' }))
const values = { LOCKKEEPER_PROOF_KEY: pem, LOCKKEEPER_PROOF_PUBLIC_KEY: publicKeyLine(keys.publicKey) }

/** GitLab hands over a variable of type File by its path, and says which commit a merge request goes onto. */
async function ofGitlab({ folder, base }: Checkout) {
  const key = join(folder, '../proof.key')
  await writeFile(key, pem)
  return gitlabScripts({ ...values, LOCKKEEPER_PROOF_KEY: key, CI_MERGE_REQUEST_DIFF_BASE_SHA: base })
}
/** With the file of findings that each shows beside the lines. */
const pipelines = [
  ['GitHub Actions', () => githubScripts(values), 'lint.sarif'],
  ['GitLab', ofGitlab, 'code-quality.json'],
] as const

const prepare: Readonly<Record<State, (folder: string) => Promise<void>>> = {
  sound: async () => undefined,
  // One that is in the rendered release, and one that comes with the change.
  faulty: async (folder) => {
    for (const name of ['1_create_orders', '3_rename_note']) await rm(join(folder, `chart/migrations/${name}.down.sql`))
  },
  missing: (folder) => rm(join(folder, 'chart/migrations'), { recursive: true }),
}

/** Scripts of a job one after the other, as its machine would run them; the job failed when one did. */
async function runJob(checkout: Checkout, scripts: readonly PipelineScript[]) {
  const results: ScriptResult[] = []
  for (const script of scripts) {
    if (script.always || results.every(({ code }) => code === 0)) results.push(await checkout.run(script))
  }
  return {
    failed: results.some(({ code }) => code !== 0),
    said: results.map(({ stdout, stderr }) => `${stdout}${stderr}`).join(''),
    runs: results.flatMap(({ runs }) => runs),
  }
}

describe.each(pipelines)('the pipeline for %s', (_, scriptsFor, report) => {
  test(
    'passes a sound application, and leaves a catalogue with a signed proof and reviewed manifests',
    () =>
      withCheckout(async (checkout) => {
        const scripts = await scriptsFor(checkout)
        const ended: Record<string, number> = {}
        for (const [job, own] of Map.groupBy(scripts, (script) => script.job)) {
          const { failed, said, runs } = await runJob(checkout, own)
          expect({ job, failed, said }).toMatchObject({ failed: false })
          for (const { command, code } of runs) ended[command] = Math.max(code, ended[command] ?? 0)
        }
        expect(ended).toEqual(
          Object.fromEntries(Object.entries(documented).map(([name, codes]) => [name, codes.sound])),
        )
        const catalogue = parse(await readFile(join(checkout.folder, 'catalogue.yaml'), 'utf8'))
        expect(catalogue.metadata).toEqual({ name: 'orders-catalogue', namespace: 'shop' })
        expect(JSON.parse(catalogue.data['catalogue.json']).proof).toMatch(
          /^lockkeeper-proof 1\n(\d .*restored.*\n){3}signature /,
        )
        expect(await readFile(join(checkout.folder, 'rendered.yaml'), 'utf8')).toContain('kind: Deployment')
        const [prove] = scripts.filter(({ text }) => text.includes('lockkeeper prove'))
        expect(prove && (await checkout.run({ ...prove, text: prove.text.replace(' -o github', '') })).stdout).toMatch(
          /^3 cached /m,
        )
      }),
    120_000,
  )

  test.each(['faulty', 'missing'] as const)(
    'runs each command with the exit code that docs/pipelines.md names: %s',
    (state) =>
      withCheckout(async (checkout) => {
        const scripts = await scriptsFor(checkout)
        const seen = new Set<string>()
        // Without Helm's rendering and the catalogue, review has nothing to read.
        const run = state === 'missing' ? scripts.filter(({ text }) => !text.includes('helm')) : scripts
        await prepare[state](checkout.folder)
        // Without -e, so that a command that fails hides none behind it.
        for (const script of run) {
          const { runs, stderr } = await checkout.run({ ...script, shell: ['bash'] })
          expect({ script: script.name, runs, stderr }).toMatchObject({
            runs: runs.map(({ command }) => ({ command, code: documented[command]?.[state] })),
          })
          if (script.text.includes('lockkeeper ')) expect(runs.length, script.name).toBeGreaterThan(0)
          for (const { command } of runs) seen.add(command)
        }
        expect([...seen].sort()).toEqual(Object.keys(documented).sort())
      }),
    120_000,
  )

  test('stops at a migration that cannot be taken back, and shows it in its file', () =>
    withCheckout(async (checkout) => {
      const scripts = await scriptsFor(checkout)
      await prepare.faulty(checkout.folder)
      const [job] = scripts.filter(({ text }) => text.includes('lockkeeper lint')).map((script) => script.job)
      const { failed, said } = await runJob(
        checkout,
        scripts.filter((script) => script.job === job),
      )
      expect(failed).toBe(true)
      expect(said).toContain('rollback-missing')
      const shown = await readFile(join(checkout.folder, report), 'utf8')
      expect(JSON.stringify(JSON.parse(shown))).toMatch(/rollback-missing.*chart\/migrations\/3_rename_note\.up\.sql/)
    }))
})
