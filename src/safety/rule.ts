import type { SafetyCode } from '../migration/finding.ts'
import type { Statement } from '../sql/statement.ts'
import type { Scene } from './scene.ts'

/** One thing that is wrong with a statement. */
export interface Found {
  /** Goes on a sentence that begins with the place: `builds an index …`. One line. */
  readonly message: string
  /** What to do instead, one line. */
  readonly fix: string
  /** The same as statements to paste, each with its `;`, the user's names in them. Empty: there are none. */
  readonly sql: readonly string[]
  /** Offset in the statement's text, where it is not the beginning. */
  readonly at?: number
  readonly repair?: Repair
}

/** What may stand in the place of the statement, without its last `;`, where it is the only one of its file. */
export interface Repair {
  readonly text: string
  /** It is of several statements now, which must not share a transaction. */
  readonly alone: boolean
}

/** What one file of `rules/` exports: the file is named as the code, the code as the verdict. */
export interface Rule {
  readonly code: SafetyCode
  /** Which statements it finds, one sentence. */
  readonly finds: string
  readonly why: string
  /** The page of PostgreSQL's manual that says so. */
  readonly source: string
  /** What differs between major versions of the server; absent: it is the same on every supported one. */
  readonly versions?: string
  /** Scripts that it looks at; absent: both. A down script only takes back what its up did. */
  readonly only?: 'up'
  find(statement: Statement, scene: Scene): readonly Found[]
  /** Scripts of one migration each, at least three of both. They are tests, and the documentation shows them. */
  readonly examples: { readonly finds: readonly Example[]; readonly passes: readonly Example[] }
}

export type Example =
  | string
  | {
      readonly script: string
      /** An up script of an earlier migration. */
      readonly earlier?: string
      readonly server?: number
      /** Runs statement by statement. */
      readonly alone?: true
    }

export const found = (message: string, fix: string, sql: readonly string[] = [], at = 0): Found => ({
  message,
  fix,
  sql,
  ...(at > 0 && { at }),
})
