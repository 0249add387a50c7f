import { RunFailure } from '../postgres/failure.ts'

/** Nothing that a script did. */
const PASSING: readonly string[] = ['cannot-connect', 'standby', 'pooler']

/** Undefined when it worked, else how a script failed. Throws what is not the fault of a script. */
export async function attempt(act: () => Promise<void>): Promise<RunFailure | undefined> {
  try {
    await act()
    return undefined
  } catch (error) {
    if (error instanceof RunFailure && !PASSING.includes(error.code)) return error
    throw error
  }
}
