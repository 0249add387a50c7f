import type { Applied } from '../../history/read.ts'
import { type Kept, setKept } from '../../history/write.ts'
import { compareVersions, highestVersion } from '../../migration/version.ts'
import { RunFailure } from '../../postgres/failure.ts'
import type { Session } from '../../postgres/session.ts'
import { identifier, literal } from '../../postgres/sql.ts'
import type { Attempt, Look } from '../attempt.ts'
import { findTables } from './find.ts'
import { refuseUnkeepable } from './keepable.ts'
import { rawText } from './raw-text.ts'
import { readTable } from './reading.ts'
import type { Keeper } from './tool.ts'
import { type Adoption, shown } from './tool.ts'

/** What of a run, and of what it saw, decides how a table is kept. */
interface Keeping extends Pick<Attempt, 'session'> {
  readonly context: Pick<Attempt['context'], 'request' | 'emit'>
}
type KnownSteps = Pick<Look, 'mounted' | 'seen'>

/** For the table that the history says is kept. Throws `adopted-tool-active` when it says something else than we wrote. */
export async function keeperOf({ session, context }: Keeping, look: KnownSteps, kept: Kept): Promise<Keeper> {
  const { request, emit } = context
  const adoption = (await findTables(session, kept.table, kept.tool)).find(({ tool }) => tool.name === kept.tool)
  const cure = `stop what still runs ${adoption?.tool.title ?? kept.tool}, and undo with it what it did; or, where nobody goes back to it: UPDATE ${identifier(request.historySchema)}.state SET keeps = NULL WHERE "set" = ${literal(request.set)}`
  const refuse = (what: string) => new RunFailure('adopted-tool-active', `${what}: somebody else changed it`, cure)
  if (adoption === undefined) throw refuse(`${shown(kept.table)} is gone, or has other columns`)
  await refuseUnkeepable(session, adoption)
  const difference = await differs(session, adoption, kept, look.seen.applied)
  if (difference !== undefined) throw refuse(difference)
  const { tool, table } = adoption
  if (tool.name === 'flyway')
    for (const message of withoutChecksum(look, adoption)) emit({ level: 'warn', event: 'applying', message })
  const { keep } = tool
  if (keep.kind === 'row-per-version') {
    return {
      up: (migration) => ({ begun: [], record: [keep.up(table, migration)] }),
      down: (version) => ({ begun: [], record: [keep.down(table, version)] }),
    }
  }
  const write = (mark: string | undefined, dirty: boolean) => [
    ...keep.write(table, mark, dirty),
    setKept(request, { ...kept, mark: mark ?? null, dirty }),
  ]
  const applied = look.seen.applied.map(({ version }) => version)
  const files = (look.mounted?.migrations ?? []).map(({ version }) => version)
  return {
    up({ version }) {
      // Steps come in order: when this one is through, nothing up to it is missing.
      const below = files.filter((each) => compareVersions(each, version) <= 0)
      const mark = highestBelowHole([...applied, ...below], files)
      return { begun: write(version, true), record: write(mark, false) }
    },
    down(version) {
      // Up to what we wrote last nothing was missing, and what is reverted above it was behind a gap.
      const gap = kept.mark === null || compareVersions(version, kept.mark) > 0
      const mark = gap ? (kept.mark ?? undefined) : highestBelowHole(applied, [version], version)
      return { begun: write(mark, true), record: write(mark, false) }
    },
  }
}

/** The highest applied version below which none of the others is missing; `gone`: one that is about to be reverted. */
function highestBelowHole(applied: readonly string[], files: readonly string[], gone?: string): string | undefined {
  const done = new Set(applied.filter((each) => each !== gone))
  const [hole] = files.filter((each) => !done.has(each)).sort(compareVersions)
  return highestVersion([...done].filter((each) => hole === undefined || compareVersions(each, hole) < 0))
}

/** What the table says that we would not have written, or undefined. */
async function differs(
  session: Session,
  adoption: Adoption,
  kept: Kept,
  applied: readonly Applied[],
): Promise<string | undefined> {
  const { keep } = adoption.tool
  if (keep.kind === 'one-row') {
    const row = await keep.look(session, adoption.table)
    const says = row === undefined ? 'nothing' : `version ${row.version}${row.dirty ? ' (dirty)' : ''}`
    const mark = kept.mark ?? (kept.dirty ? '-1' : undefined)
    const wrote = mark === undefined ? 'nothing' : `version ${mark}${kept.dirty ? ' (dirty)' : ''}`
    return says === wrote ? undefined : `${shown(adoption.table)} says ${says}, not ${wrote}`
  }
  const reading = await readTable(session, adoption).catch((error: unknown) => {
    if (error instanceof RunFailure) return error.message
    throw error
  })
  if (typeof reading === 'string') return reading
  const { allUpTo } = reading
  // What a baseline stands for has no rows of its own.
  const counts = ({ version }: { readonly version: string }) =>
    allUpTo === undefined || compareVersions(version, allUpTo) > 0 ? [version] : []
  const [theirs, ours] = [reading.applied.flatMap(counts), applied.flatMap(counts)]
  const more = missing(theirs, ours)
  const less = missing(ours, theirs)
  if (more !== '') return `${shown(adoption.table)} has ${more}, which the history does not have`
  return less === '' ? undefined : `${shown(adoption.table)} lacks ${less}, which the history has`
}

/** The versions of one list that are not in the other. */
function missing(versions: readonly string[], others: readonly string[]): string {
  const known = new Set(others)
  return versions
    .filter((version) => !known.has(version))
    .sort(compareVersions)
    .join(', ')
}

function withoutChecksum({ mounted, seen }: KnownSteps, { table }: Adoption): string[] {
  const pending = (mounted?.migrations ?? []).filter(
    ({ kind, version, up }) =>
      kind === 'versioned' && rawText(up) === undefined && !seen.applied.some((each) => each.version === version),
  )
  return pending.map(
    ({ up }) =>
      `${up.file} has placeholders: its row in ${shown(table)} gets no checksum; run \`flyway repair\` before Flyway`,
  )
}
