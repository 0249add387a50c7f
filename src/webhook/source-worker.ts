import { parentPort, workerData } from 'node:worker_threads'
import type { MigrationSet } from '../migration/migration.ts'
import { type PreparedSource, prepareSource, type SourceQuestion, unjudged } from '../migration/prepare-source.ts'
import type { SqlFacts } from '../migration/sql-facts.ts'
import { sqlFacts } from '../safety/sql-facts.ts'
import { loadParser, type Parse } from '../sql/parser.ts'
import { remembering } from '../sql/remembering.ts'

/** ConfigMaps to be read and judged, as the API server sends them. */
export interface Question {
  readonly bodies: readonly Uint8Array[]
  readonly question: SourceQuestion
  /** Absent: their SQL is judged. Else why it is not. */
  readonly unjudged?: string
}
export type Answer =
  | { readonly ready: true }
  /** `spent`: the parser is not to be asked again; another comes with another thread. */
  | { readonly prepared: PreparedSource; readonly spent: boolean }

/** UTF-16 units of SQL whose trees are kept: statements of a release come again with the next one. */
const { room } = workerData as { readonly room: number }

/** A statement was too deep for the parser, which can read little more. */
class TooDeep extends Error {}

const state: { parse?: Promise<Parse>; spent: boolean } = { spent: false }
/** Catalogues need no parser. */
const parser = () => {
  state.parse ??= loadParser(() => {
    state.spent = true
    throw new TooDeep('a statement is nested too deeply for the parser')
  }).then((parse) => remembering(parse, room))
  return state.parse
}

async function judge(set: MigrationSet, since: string | undefined): Promise<SqlFacts> {
  try {
    return sqlFacts(set, { parse: await parser(), ...(since !== undefined && { since }) })
  } catch (error) {
    if (error instanceof TooDeep) return unjudged(error.message)
    throw error
  }
}

const tell = (answer: Answer) => parentPort?.postMessage(answer)

parentPort?.on('message', async ({ bodies, question, unjudged: why }: Question) => {
  const prepared = await prepareSource(bodies, question, async (set, since) =>
    why === undefined ? await judge(set, since) : unjudged(why),
  )
  tell({ prepared, spent: state.spent })
})
tell({ ready: true })
