import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from 'pg'
import type { SourceOutcome } from '../admission/facts.ts'
import { mutate } from '../admission/mutate.ts'
import { parseReview, type ReviewRequest } from '../admission/review.ts'
import { validate } from '../admission/validate.ts'
import { ADMISSION_LABEL, CONTAINER_NAME, ENV, INTENT } from '../contract.ts'
import { patched } from '../injection/patch.ts'
import type { Json } from '../injection/workload.ts'
import { catalogueOf } from '../migration/catalogue.ts'
import type { RawFile } from '../migration/migration.ts'
import { readMigrations } from '../migration/read.ts'
import { Problem } from '../problem.ts'
import { withPostgres } from '../prove/embedded-postgres.ts'
import { demoFiles } from './demo-files.ts'
import { bold, green, type Output, red, table, yellow } from './output.ts'

interface Stage {
  readonly output: Output
  readonly url: string
  readonly folder: string
  /** The Deployment as the API server holds it. */
  deployment: Record<string, unknown> | undefined
}

/** `demo`: the whole story on an embedded PostgreSQL, by the webhook's handlers and the real runner. */
export async function demo(output: Output): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'lockkeeper-demo-'))
  try {
    return await withPostgres({}, async (server) => {
      await tell({ output, url: `${server.url}/postgres`, folder, deployment: undefined })
      return 0
    })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function tell(stage: Stage): Promise<void> {
  const { output } = stage
  output.print('A namespace says lockkeeper.dev/on-rollback: always; a Deployment asks for a schema version.')
  await roll(stage, 1, demoFiles(1), 'kubectl apply -f v1.yaml')
  await show(stage)
  await roll(stage, 2, demoFiles(2), 'kubectl apply -f v2.yaml')
  await show(stage)
  const [without, dropped] = [
    demoFiles(3).filter(({ name }) => !name.startsWith('3_') || name.includes('.up.')),
    '3_rename_note.down.sql',
  ]
  await refused(stage, 3, without, `kubectl apply -f v3.yaml   (somebody forgot ${dropped})`)
  await roll(stage, 3, demoFiles(3), 'kubectl apply -f v3.yaml   (with its down script)')
  await show(stage)
  output.print('\nThe release of v2 has only its own two migrations; v3’s down script comes from the database.')
  await roll(stage, 2, demoFiles(2), 'kubectl rollout undo deployment/orders')
  await show(stage)
  output.print(`\n${green('The schema is back at 2, and no row is lost.', output.colour)}`)
}

/** What the API server does with an apply, and then the kubelet with the pod. */
async function roll(stage: Stage, version: number, files: readonly RawFile[], command: string): Promise<void> {
  const { output } = stage
  output.print(`\n${bold(`$ ${command}`, output.colour)}`)
  const { object, verdict, warnings } = admit(stage, version, files)
  for (const warning of warnings) output.print(`${yellow('Warning:', output.colour)} ${warning}`)
  if (!verdict.allowed) throw new Problem(`the demo went another way: ${verdict.message}`, undefined, 1)
  output.print('deployment.apps/orders configured')
  stage.deployment = object
  await runInitContainer(stage, object, files)
}

async function refused(stage: Stage, version: number, files: readonly RawFile[], command: string): Promise<void> {
  const { output } = stage
  output.print(`\n${bold(`$ ${command}`, output.colour)}`)
  const { verdict } = admit(stage, version, files)
  if (verdict.allowed)
    throw new Problem('the demo went another way: v3 without a down script was allowed', undefined, 1)
  output.print(
    `${red('Error from server (Forbidden):', output.colour)} admission webhook "validate.lockkeeper.dev" denied the request: ${verdict.message}`,
  )
}

function admit(stage: Stage, version: number, files: readonly RawFile[]) {
  const old = stage.deployment
  const facts = {
    namespace: {
      name: 'shop',
      labels: { [ADMISSION_LABEL]: 'enabled' },
      annotations: { [INTENT.onRollback]: 'always' },
    },
    source: sourceOf(files),
    secretKeys: 'unknown' as const,
    cluster: 'demo',
    runnerImage: 'lockkeeper/runner',
    imagePullPolicy: 'IfNotPresent',
    now: Date.now(),
  }
  const object = deploymentOf(version)
  const mutation = mutate(requestOf(object, old), facts)
  const equipped = patched(object as Json, mutation.patch) as Record<string, unknown>
  const verdict = validate(requestOf(equipped, old), facts)
  return { object: equipped, verdict, warnings: [...mutation.warnings, ...verdict.warnings] }
}

function sourceOf(files: readonly RawFile[]): SourceOutcome {
  const keys = files.map(({ name }) => name)
  return {
    kind: 'read',
    catalogue: catalogueOf(readMigrations(files)),
    immutable: false,
    items: [{ configMap: 'orders-migrations', keys }],
  }
}

const deploymentOf = (version: number): Record<string, unknown> => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: {
    name: 'orders',
    namespace: 'shop',
    annotations: {
      [INTENT.schemaVersion]: String(version),
      [INTENT.migrations]: 'configmap/orders-migrations',
      [INTENT.database]: 'secret/orders-db#uri',
    },
  },
  spec: {
    selector: { matchLabels: { app: 'orders' } },
    template: {
      metadata: { labels: { app: 'orders' } },
      spec: { containers: [{ name: 'orders', image: `orders:${version}` }] },
    },
  },
})

function requestOf(object: unknown, old: unknown): ReviewRequest {
  const request = {
    uid: 'demo',
    operation: old === undefined ? 'CREATE' : 'UPDATE',
    kind: { group: 'apps', version: 'v1', kind: 'Deployment' },
    namespace: 'shop',
    name: 'orders',
    object,
    oldObject: old ?? null,
  }
  const parsed = parseReview({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', request })
  if ('problem' in parsed) throw new Error(parsed.problem)
  return parsed
}

/** Runs the runner with the environment of the injected container, its mounts being folders here. */
async function runInitContainer(
  { output, url, folder }: Stage,
  object: Record<string, unknown>,
  files: readonly RawFile[],
): Promise<void> {
  const migrations = join(folder, 'migrations')
  await rm(migrations, { recursive: true, force: true })
  await mkdir(migrations)
  for (const { name, content } of files) await writeFile(join(migrations, name), content)
  const { env: entries } = initContainer(object)
  const env = {
    ...Object.fromEntries(entries.map(({ name, value }) => [name, value])),
    [ENV.migrations]: migrations,
    [ENV.databaseDir]: '',
    [ENV.databaseUrl]: url,
    [ENV.terminationLog]: join(folder, 'termination-log'),
    PATH: process.env.PATH,
  }
  const child = spawn(process.execPath, [runnerPath()], { env, stdio: ['ignore', 'pipe', 'inherit'] })
  let text = ''
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk
  })
  const code = await new Promise<number | null>((resolve) => {
    child.once('close', resolve)
  })
  for (const line of text.split('\n').filter((each) => each !== '')) {
    const { event, version, message = '' } = JSON.parse(line) as { event: string; version?: string; message?: string }
    if (/^(applied|reverted|failed|refused|done)$/.test(event))
      output.print(`  ${CONTAINER_NAME}: ${event} ${version ?? ''} ${message}`.trimEnd())
  }
  if (code !== 0) throw new Problem(`the demo went another way: the runner ended with ${code}`, undefined, 1)
}

function initContainer(object: Record<string, unknown>): { env: { name: string; value?: string }[] } {
  const { spec } = object as {
    spec: { template: { spec: { initContainers: { name: string; env: { name: string; value?: string }[] }[] } } }
  }
  const found = spec.template.spec.initContainers.find(({ name }) => name === CONTAINER_NAME)
  if (found === undefined) throw new Error('nothing was injected')
  return found
}

/** Beside the bundled program, or in the source tree. */
function runnerPath(): string {
  const bundled = join(import.meta.dirname, 'runner.js')
  return existsSync(bundled) ? bundled : join(import.meta.dirname, '../../sidecar/main.ts')
}

async function show({ output, url }: Stage): Promise<void> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    const { rows: columns } = await client.query<{ text: string }>(
      `select string_agg(column_name || ' ' || data_type, ', ' order by ordinal_position) as text
       from information_schema.columns where table_name = 'orders' and column_name <> 'created_at'`,
    )
    const { rows, fields } = await client.query('select * from orders order by id')
    output.print(`  orders (${columns[0]?.text})`)
    const names = fields.map(({ name }) => name).filter((name) => name !== 'created_at')
    for (const line of table([names, ...rows.map((row) => names.map((name) => String(row[name])))]))
      output.print(`    ${line}`)
  } finally {
    await client.end()
  }
}
