import type { FormatName } from '../contract.ts'
import { findAdoption } from '../engine/adoption/find.ts'
import { prepare } from '../engine/adoption/take-over.ts'
import { type Adoption, shown } from '../engine/adoption/tool.ts'
import { underToolLocks } from '../engine/adoption/tool-lock.ts'
import type { RunEvent } from '../engine/event.ts'
import { run } from '../engine/run.ts'
import { serverFacts } from '../history/facts.ts'
import { readHistory } from '../history/read.ts'
import type { MigrationSet } from '../migration/migration.ts'
import { repeatableKey, repeatableName } from '../migration/repeatable.ts'
import type { RunRequest } from '../migration/run-request.ts'
import { sanitize } from '../migration/sanitize.ts'
import { highestVersion, NOTHING } from '../migration/version.ts'
import { exitOf, RunFailure } from '../postgres/failure.ts'
import type { Session } from '../postgres/session.ts'
import { Problem } from '../problem.ts'
import { type DatabaseOptions, person, requestOf, targetOf, withDatabase } from './database.ts'
import { describeFailure, type Output, table, yellow } from './output.ts'

export interface AdoptOptions extends DatabaseOptions {
  readonly from?: FormatName
  /** `NAME` or `SCHEMA.NAME`. */
  readonly table?: string
  readonly keep?: boolean
  readonly dryRun?: boolean
}

/**
 * `adopt`: takes a database over from the tool whose table it holds; `--dry-run` only says what that would come to.
 * Exit 1 when the state of that tool forbids it, 2 when it is not clear what is meant.
 */
export async function adopt(output: Output, options: AdoptOptions, files: MigrationSet): Promise<number> {
  const { from, table, keep = false, dryRun = false } = options
  const named = table === undefined ? undefined : tableNamed(table)
  const wish = { ...(from !== undefined && { from }), ...(named && { table: named }), keep, asked: true }
  const request: RunRequest = { ...requestOf(options, NOTHING), adopt: wish }
  try {
    const found = await withDatabase(options, (session) => lookFor(session, request, files, dryRun))
    if (found === undefined) {
      output.document({ result: 'nothing', adopted: [], findings: [] })
      output.print('nothing to do: this database has a history already')
      return 0
    }
    const { adoption, plan } = found
    say(output, adoption, plan ?? (await takeOver(output, options, request, files)), { dryRun, keep })
    return 0
  } catch (error) {
    if (!(error instanceof RunFailure)) throw error
    return refused(output, error)
  }
}

/** As the catalog has it; quotes are for a dot in it. */
function tableNamed(text: string): { readonly schema?: string; readonly name: string } {
  const parts = [...text.matchAll(/(?:^|\.)(?:"((?:[^"]|"")+)"|([^".]+))(?=\.|$)/g)]
  const names = parts.map(([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain ?? '')
  const [first = '', second] = names
  if (names.length > 2 || parts.map(([whole]) => whole).join('') !== text || first === '') {
    throw new Problem(`--table is "${text}", which does not name a table`, 'write --table NAME or --table SCHEMA.NAME')
  }
  return second === undefined ? { name: first } : { schema: first, name: second }
}

/** A migration that is taken over, and whether there is a way back. */
interface Adopted {
  readonly version: string
  readonly name: string
  readonly appliedAt: string | null
  readonly down: 'stored' | 'none'
}

interface Outcome {
  readonly adopted: readonly Adopted[]
  readonly warnings: readonly string[]
}

/** What there is to take over, and for a dry run what that comes to; undefined: the set has a history. */
async function lookFor(
  session: Session,
  request: RunRequest,
  files: MigrationSet,
  dryRun: boolean,
): Promise<{ readonly adoption: Adoption; readonly plan: Outcome | undefined } | undefined> {
  const { historySchema, set } = request
  const facts = await serverFacts(session, historySchema)
  const history = facts.history === 'complete'
  if (history && (await readHistory(session, historySchema, set)).epoch !== undefined) return undefined
  const adoption = await findAdoption(session, request, history)
  if (adoption === undefined) return undefined
  if (!dryRun) return { adoption, plan: undefined }
  await session.own()
  const plan = await underToolLocks(session, adoption, facts.database, () => prepare(session, request, adoption, files))
  if ('heldBy' in plan) {
    const message = `${plan.heldBy}, so what is applied changes at this moment`
    throw new RunFailure('in-doubt', message, 'wait until that run is over, then run the same command again')
  }
  const adopted = plan.rows.map(({ migration: { version, name, down }, past }): Adopted => {
    return { version, name, appliedAt: past.appliedAt ?? null, down: down === undefined ? 'none' : 'stored' }
  })
  return { adoption, plan: { adopted, warnings: plan.warnings } }
}

/** Takes over, and says what the history holds from then on. */
async function takeOver(
  output: Output,
  options: AdoptOptions,
  request: RunRequest,
  files: MigrationSet,
): Promise<Outcome> {
  const warnings: string[] = []
  const emit = ({ event, level, message = '' }: RunEvent) => {
    if (event === 'waiting') output.say(`waiting: ${sanitize(message)}`)
    if (level === 'warn') warnings.push(message)
  }
  await run({ request, database: targetOf(options), who: person(), files: async () => files, emit })
  const { historySchema, set } = request
  const { applied, repeatables } = await withDatabase(options, (session) => readHistory(session, historySchema, set))
  const adopted = applied.map(({ version, name, appliedAt, downChecksum }): Adopted => {
    return { version, name, appliedAt, down: downChecksum === null ? 'none' : 'stored' }
  })
  const again = [...repeatables.keys()].map(
    (name): Adopted => ({ version: repeatableKey(name), name, appliedAt: null, down: 'none' }),
  )
  return { adopted: [...adopted, ...again], warnings }
}

function say(
  output: Output,
  { tool, table: of }: Adoption,
  { adopted, warnings }: Outcome,
  { dryRun, keep }: { readonly dryRun: boolean; readonly keep: boolean },
): void {
  const result = dryRun ? 'planned' : 'done'
  output.document({ result, from: tool.name, table: shown(of), keep, adopted, warnings, findings: [] })
  for (const message of warnings) output.say(`${yellow('warning', output.colour)}: ${sanitize(message)}`)
  const lines = adopted.map(({ version, name, appliedAt, down }) => [
    version,
    name,
    appliedAt ?? '',
    down === 'none' ? 'no down script' : 'with its down script',
  ])
  for (const line of table(lines)) output.print(`  ${line}`)
  const live = highestVersion(
    adopted.map(({ version }) => version).filter((version) => repeatableName(version) === undefined),
  )
  const verb = dryRun ? 'would be' : 'were'
  output.print(`${adopted.length} migrations ${verb} taken over from ${shown(of)} of ${tool.title}`)
  output.print(`the schema is at ${live ?? 'nothing'}${keep ? `; ${shown(of)} is kept current from now on` : ''}`)
}

function refused(output: Output, { code, message, fix, place }: RunFailure): number {
  const exit = exitOf(code)
  const finding = { code, severity: 'error', ...place, message, fix }
  output.document({ result: exit === 12 ? 'refused' : 'failed', adopted: [], findings: [finding] })
  output.fail(describeFailure({ code, message, fix }, output.colour))
  return exit === 13 || code === 'bad-config' ? 2 : 1
}
