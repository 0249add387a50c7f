import { test } from 'vitest'

/** The majors of PostgreSQL that Lockkeeper is tested on, oldest first; `optionalDependencies` has their binaries. */
const supported = [14, 15, 16, 17, 18]

/**
 * The majors of this run. `LOCKKEEPER_TEST_MAJORS=18` (or `14,18`) takes fewer: while something is written, and on
 * platforms that have no binaries of the others.
 */
export const majors: readonly number[] = chosen(process.env.LOCKKEEPER_TEST_MAJORS)

/** The newest of them. */
export const newest = Math.max(...majors)

const oldest = Math.min(...majors)

/** The oldest and the newest of them: for promises that no major keeps in a way of its own. */
export const ends: readonly number[] = [...new Set([oldest, newest])]

/**
 * `test` on the oldest and the newest of them, and nothing on those between: for what waits for seconds, or never talks
 * to a server, and where a major can make no difference that its neighbours do not make.
 */
export const testAtEnds = (major: number) => (name: string, run: () => Promise<void>) => {
  if (major === oldest || major === newest) test(name, run)
}

function chosen(list: string | undefined): number[] {
  if (list === undefined || list === '') return supported
  const wanted = list.split(',').map(Number)
  const unknown = wanted.filter((major) => !supported.includes(major))
  if (unknown.length > 0) throw new Error(`LOCKKEEPER_TEST_MAJORS is "${list}"; it may hold ${supported.join(', ')}`)
  return supported.filter((major) => wanted.includes(major))
}
