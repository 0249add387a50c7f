import type { MigrationSet } from '../migration/migration.ts'
import { compareVersions } from '../migration/version.ts'
import { Problem } from '../problem.ts'
import { filesForProof } from '../prove/files-for-proof.ts'
import { type Outcome, plainOutcome } from '../prove/outcome.ts'
import { knownEntries } from '../prove/proof-store.ts'
import { proveAll } from '../prove/prove-all.ts'
import { majorOfServer } from '../prove/server.ts'
import { type Task, tasksOf } from '../prove/tasks.ts'
import { keepProof } from './keep-proof.ts'
import { printForPipeline } from './lint-output.ts'
import type { Output } from './output.ts'
import { type ProveOptions, type ProveRequest, proveRequest } from './prove-options.ts'
import { documentOf, findingsOf, isGood, lineOf, printReport, type Report } from './prove-report.ts'

/** `prove`: up, down and up again for every migration on a scratch server. Exit 0 when each restores what it found. */
export async function prove(output: Output, options: ProveOptions, files: MigrationSet): Promise<number> {
  const request = proveRequest(options)
  const broken = files.findings.filter(({ severity, version }) => severity === 'error' && version === undefined)
  if (broken.length > 0) return finish(output, options, { postgres: request.major, outcomes: [], findings: broken })
  const { entries: known, remark } = knownEntries(request.proof, request.key)
  if (remark !== undefined) output.say(remark)
  const postgres = request.scratch === undefined ? request.major : await majorOfServer(request.scratch)
  const start = request.dump === undefined ? ('empty' as const) : (`dump:${request.dump.checksum}` as const)
  const compare = request.rows ? (['schema', 'rows'] as const) : (['schema'] as const)
  const tasks = tasksOf(files, { known, wanted: { postgres, start, compare }, since: request.since })
  const outcomes: Outcome[] = []
  try {
    const proven = await run(output, request, files, tasks, outcomes)
    outcomes.splice(0, outcomes.length, ...proven)
  } finally {
    // Whatever was seen before it broke off need not be tried again.
    keepProof(output, request, files, { postgres, start, known, tasks, outcomes }, new Date())
  }
  return finish(output, options, { postgres, outcomes: merged(outcomes, tasks), findings: [] })
}

/** A person, and a pipeline that is cancelled. */
const INTERRUPTS = ['SIGINT', 'SIGTERM'] as const

async function run(
  output: Output,
  { scratch, major, dump, since, rows, searchPath }: ProveRequest,
  files: MigrationSet,
  tasks: readonly Task[],
  seen: Outcome[],
): Promise<readonly Outcome[]> {
  const due = tasks.filter((task) => task.kind === 'prove')
  if (due.length === 0) return []
  const stop = new AbortController()
  const interrupt = () =>
    stop.abort(new Problem('interrupted', 'start it again; with --proof FILE it goes on from there'))
  for (const signal of INTERRUPTS) process.once(signal, interrupt)
  const done = (outcome: Outcome) => {
    seen.push(outcome)
    const count = String(due.length)
    output.say(`${String(seen.length).padStart(count.length)}/${count}  ${lineOf(outcome, output.colour)}`)
  }
  try {
    const options = { files: filesForProof(files), dump, since, rows, signal: stop.signal, done }
    return await proveAll(due, { ...options, server: { scratch, major, searchPath } })
  } finally {
    for (const signal of INTERRUPTS) process.removeListener(signal, interrupt)
  }
}

/** What the files say of a migration goes before what became of it on the way. */
function merged(proven: readonly Outcome[], tasks: readonly Task[]): Outcome[] {
  const all = new Map(proven.map((outcome) => [outcome.version, outcome]))
  for (const task of tasks) {
    const outcome = settledOf(task)
    if (outcome !== undefined && (outcome.result === 'failed' || !all.has(outcome.version)))
      all.set(outcome.version, outcome)
  }
  return [...all.values()].sort((a, b) => compareVersions(a.version, b.version))
}

function settledOf(task: Task): Outcome | undefined {
  const { version, up } = task.migration
  switch (task.kind) {
    case 'cached':
      return {
        ...plainOutcome(version, up.file, 'cached'),
        compared: task.entry.compared,
        remark: `seen ${task.entry.at}`,
      }
    case 'irreversible':
      return { ...plainOutcome(version, up.file, 'irreversible'), remark: task.reason }
    case 'refused':
      return plainOutcome(version, up.file, 'failed', task.findings)
    default:
      return undefined
  }
}

function finish(output: Output, options: ProveOptions, report: Report): number {
  if (!printForPipeline(findingsOf(report), options)) {
    output.document(documentOf(report))
    printReport(output, report)
  }
  return isGood(report) ? 0 : 1
}
