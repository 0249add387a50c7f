import { parentPort } from 'node:worker_threads'
import type { Migration } from '../migration/migration.ts'
import type { SqlFacts } from '../migration/sql-facts.ts'
import { sqlFacts } from '../safety/sql-facts.ts'
import { loadParser } from '../sql/parser.ts'
import { remembering } from '../sql/remembering.ts'

/** A set to be judged, and its answer, which has the same id. */
export interface Question {
  readonly id: string
  readonly migrations: readonly Migration[]
  readonly since?: string
}
export interface Answer {
  readonly id: string
  readonly facts: SqlFacts
}

/** Statements of a release come again with the next one. */
const ROOM = 500_000

const parse = remembering(await loadParser(), ROOM)
parentPort?.on('message', ({ id, migrations, since }: Question) => {
  const facts = sqlFacts({ migrations }, { parse, ...(since !== undefined && { since }) })
  parentPort?.postMessage({ id, facts } satisfies Answer)
})
