import { readFileSync } from 'node:fs'
import { stringify } from 'yaml'
import { CATALOGUE_KEY } from '../contract.ts'
import { name as kubernetesName } from '../injection/references.ts'
import { catalogueOf } from '../migration/catalogue.ts'
import { writeCatalogue } from '../migration/catalogue-file.ts'
import type { MigrationSet } from '../migration/migration.ts'
import { type SqlFacts, withSqlFacts } from '../migration/sql-facts.ts'
import { Problem } from '../problem.ts'
import { readProof } from '../proof/proof-file.ts'
import { versionOption } from './database.ts'
import { describeFinding, type Output } from './output.ts'

export interface CatalogueOptions {
  readonly name?: string
  readonly namespace?: string
  readonly since?: string
  /** File that `lockkeeper prove --proof` wrote. */
  readonly proof?: string
}

/** Kubernetes: the values of a ConfigMap together (validation of ConfigMap, MaxSecretSize). */
const MOST = 1024 * 1024
/** Kubernetes: all annotations of an object together. `kubectl apply` writes the whole object into one of them. */
const MOST_APPLIED = 256 * 1024

/** `catalogue`: the files without their SQL, as a ConfigMap for the webhook. Exit 1 when there is nothing for it to read. */
export async function catalogue(output: Output, options: CatalogueOptions, read: MigrationSet): Promise<number> {
  const { name = '', namespace } = options
  if (!kubernetesName.test(name)) throw new Problem(`"${name}" is no name of a ConfigMap`, '--name orders-catalogue-42')
  const files = withSqlFacts(read, await factsOf(read, versionOption('--since', options.since)))
  const proof = options.proof === undefined ? undefined : proofIn(options.proof)
  const made = { ...catalogueOf(files), ...(proof !== undefined && { proof }) }
  if (made.entries.length === 0) {
    for (const finding of made.findings) output.say(describeFinding(finding, false))
    throw new Problem('there is no migration to write a catalogue of', 'name the folder with --migrations PATH', 1)
  }
  const text = writeCatalogue(made)
  const size = Buffer.byteLength(text)
  if (size > MOST) {
    throw new Problem(
      `the catalogue of ${made.entries.length} migrations has ${size} bytes, and a ConfigMap holds ${MOST}`,
      'make one migration of the oldest ones, whose versions every database has',
      1,
    )
  }
  const manifest = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name, ...(namespace !== undefined && { namespace }) },
    data: { [CATALOGUE_KEY]: text },
  }
  output.document(manifest)
  output.print(stringify(manifest, { lineWidth: 0 }).trimEnd())
  const errors = files.findings.filter(({ severity }) => severity === 'error').length
  output.say(`migrations: ${made.entries.length}, errors among their findings: ${errors}, bytes: ${size}`)
  const applied = Buffer.byteLength(JSON.stringify(manifest))
  if (applied > MOST_APPLIED) output.say('too large for kubectl apply: use kubectl apply --server-side')
  return 0
}

/** The parser is loaded only where there is SQL to read. */
async function factsOf(files: MigrationSet, since: string | undefined): Promise<SqlFacts> {
  if (files.migrations.length === 0) return { floors: {}, findings: [] }
  const [{ sqlFacts }, { loadParser }] = await Promise.all([
    import('../safety/sql-facts.ts'),
    import('../sql/parser.ts'),
  ])
  return sqlFacts(files, { parse: await loadParser(), ...(since !== undefined && { since }) })
}

function proofIn(path: string): string {
  const write = 'write it with lockkeeper prove --proof FILE'
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error)
    throw new Problem(`the proof ${path} cannot be read (${code})`, write)
  }
  const read = readProof(text)
  if ('flaw' in read) throw new Problem(`the proof ${path} cannot be used: ${read.flaw}`, write)
  return text
}
