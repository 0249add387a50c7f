import { Session } from 'node:inspector'
import { setFlagsFromString } from 'node:v8'

// What V8 has optimised it does not count any more.
for (const flag of ['--no-opt', '--no-maglev', '--no-sparkplug']) setFlagsFromString(flag)

/**
 * How often each function and block of `src/` ran, as V8 counts it (precise coverage): work in steps, not in time. What runs inside of V8's own functions (`includes`, a regular expression) is not counted.
 */
export function workOf(run: () => unknown): ReadonlyMap<string, number> {
  const session = new Session()
  session.connect()
  const post = (method: string, parameters: object = {}): unknown => {
    let result: unknown
    session.post(method, parameters, (error, answer) => {
      if (error !== null) throw error
      result = answer
    })
    return result
  }
  post('Profiler.enable')
  post('Profiler.startPreciseCoverage', { callCount: true, detailed: true })
  post('Profiler.takePreciseCoverage')
  run()
  const { result } = post('Profiler.takePreciseCoverage') as Coverage
  post('Profiler.stopPreciseCoverage')
  session.disconnect()
  const steps = new Map<string, number>()
  for (const { url, functions } of result) {
    const at = url.indexOf('/src/')
    if (at < 0) continue
    for (const { functionName, ranges } of functions) {
      for (const { count, startOffset } of ranges)
        steps.set(`${url.slice(at + 1)} ${functionName || 'callback'} at ${startOffset}`, count)
    }
  }
  return steps
}

interface Coverage {
  readonly result: readonly {
    readonly url: string
    readonly functions: readonly {
      readonly functionName: string
      readonly ranges: readonly { readonly count: number; readonly startOffset: number }[]
    }[]
  }[]
}
