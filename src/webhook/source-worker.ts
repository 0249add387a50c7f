import { parentPort, workerData } from 'node:worker_threads'
import { type PreparedSource, prepareSource, type SourceQuestion, unjudged } from '../migration/prepare-source.ts'
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
export type Answer = { readonly ready: true } | { readonly prepared: PreparedSource }

/** UTF-16 units of SQL whose trees are kept: statements of a release come again with the next one. */
const { room } = workerData as { readonly room: number }

const state: { parse?: Promise<Parse> } = {}
/** Catalogues need no parser. */
const parser = () => {
  state.parse ??= loadParser().then((parse) => remembering(parse, room))
  return state.parse
}

const tell = (answer: Answer) => parentPort?.postMessage(answer)

parentPort?.on('message', async ({ bodies, question, unjudged: why }: Question) => {
  const prepared = await prepareSource(bodies, question, async (set, since) =>
    why === undefined ? sqlFacts(set, { parse: await parser(), ...(since !== undefined && { since }) }) : unjudged(why),
  )
  tell({ prepared })
})
tell({ ready: true })
