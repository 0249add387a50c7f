import type { Files } from '../runner.ts'
import type { Intent, Sequence } from './draw.ts'

/**
 * How a version is made. Its one object is named by it: `t3` a table, `i3` an index. `wrong…` and `half…` have a mistake
 * until their files are corrected: the former leave nothing, the latter are half done.
 */
export type Kind =
  | ('table' | 'slow' | 'breaks' | 'unknown' | 'wrong')
  /** Statement by statement. */
  | ('index' | 'wrong-index' | 'half-index' | 'alone' | 'half' | 'half-breaks')

export interface Version {
  readonly kind: Kind
  /** Of its script, in milliseconds. */
  readonly sleep: number
}

/** The first version stays: it holds the log and the table that is indexed. */
export const LOWEST = 1

/** The lowest release that is known to work once a version is applied; undefined: not known. */
export function floorOf({ versions }: Pick<Sequence, 'versions'>, version: number): number | undefined {
  const kind = versions[version - 1]?.kind
  return kind === 'unknown' ? undefined : kind === 'breaks' || kind === 'half-breaks' ? version : 0
}

/** As the webhook hands them to a runner. */
export const floorsOf = (sequence: Sequence): string =>
  sequence.versions
    .map((_, i) => [i + 1, floorOf(sequence, i + 1)])
    .filter(([, floor]) => floor !== 0)
    .map(([version, floor = '?']) => `${version}=${floor}`)
    .join(',') || '-'

/** Whether a version is made in one transaction. */
export const isWhole = ({ versions }: Sequence, version: number): boolean =>
  ['table', 'slow', 'breaks', 'unknown', 'wrong'].includes(versions[version - 1]?.kind ?? '')

/** The files of a release. Each script also writes into the log that it ran. */
export function filesOf({ versions }: Sequence, { target, corrected }: Pick<Intent, 'target' | 'corrected'>): Files {
  const files = versions.slice(0, target).flatMap((version, i): [string, string][] => {
    const n = i + 1
    const [up, down] = i < LOWEST ? firstScripts : scriptsOf(version, n, corrected)
    return [
      [`${n}_step.up.sql`, up],
      [`${n}_step.down.sql`, down],
    ]
  })
  return Object.fromEntries(files)
}

const firstScripts: readonly [up: string, down: string] = [
  `CREATE TABLE log (id bigint GENERATED ALWAYS AS IDENTITY, step text);
CREATE TABLE base (id int PRIMARY KEY, twice int);
INSERT INTO base VALUES (1, 1), (2, 1);
INSERT INTO log (step) VALUES ('up 1');
`,
  'DROP TABLE log, base;\n',
]

/** Waits for whoever writes to the table that is indexed, as a reference to it and CONCURRENTLY do. */
const held = 'LOCK TABLE base IN SHARE MODE;\n'

function scriptsOf({ kind, sleep }: Version, n: number, corrected: boolean): readonly [up: string, down: string] {
  const ran = (way: 'up' | 'down') => `INSERT INTO log (step) VALUES ('${way} ${n}');\n`
  const wait = sleep === 0 ? '' : `SELECT pg_sleep(${sleep / 1000});\n`
  const mistake = corrected ? '' : 'SELECT 1 / 0;\n'
  const noIndex = `DROP INDEX CONCURRENTLY i${n};\n${ran('down')}`
  const alone = '-- lockkeeper: no-transaction\n'
  switch (kind) {
    case 'index':
      return [`CREATE INDEX CONCURRENTLY i${n} ON base (id);\n${ran('up')}`, noIndex]
    case 'half-index':
      return [`CREATE INDEX CONCURRENTLY i${n} ON base (id);\n${mistake}${ran('up')}`, noIndex]
    case 'wrong-index':
      return [`CREATE ${corrected ? '' : 'UNIQUE '}INDEX CONCURRENTLY i${n} ON base (twice);\n${ran('up')}`, noIndex]
    case 'alone':
    case 'half':
    case 'half-breaks':
      return [
        `${alone}CREATE TABLE t${n} (id int REFERENCES base);\n${wait}${kind === 'alone' ? '' : mistake}${ran('up')}`,
        `${alone}DROP TABLE t${n};\n${wait}${ran('down')}`,
      ]
    default: {
      const waits = kind === 'slow' || kind === 'breaks' ? held : ''
      return [
        `CREATE TABLE t${n} ();\n${waits}${wait}${kind === 'wrong' ? mistake : ''}${ran('up')}`,
        `DROP TABLE t${n};\n${waits}${wait}${ran('down')}`,
      ]
    }
  }
}
