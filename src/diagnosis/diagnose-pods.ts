import type { PodState } from '../kubernetes/installation.ts'
import { type Ailment, error, warning } from './ailment.ts'

/** What a pod's migration container says of itself, or Kubernetes of it. */
export function podAilment(state: PodState, now: Date): Ailment {
  const { namespace, pod, container } = state
  const subject = `${namespace}/Pod/${pod}`
  const logs = `kubectl -n ${namespace} logs ${pod} -c ${container}`
  switch (state.kind) {
    case 'ended': {
      const said = readTermination(state.message)
      return error('migration-failed', subject, said.message, said.fix ?? logs)
    }
    case 'waiting':
      return error(
        'container-not-started',
        subject,
        `${container} cannot begin: ${state.reason}${state.message === '' ? '' : `: ${oneLine(state.message)}`}`,
        /image/i.test(state.reason)
          ? `see that the nodes may pull the image: images.runner in the chart, imagePullSecrets of the pod for it; then kubectl -n ${namespace} describe pod ${pod}`
          : `kubectl -n ${namespace} describe pod ${pod}`,
      )
    case 'running': {
      const seconds = Math.round((now.getTime() - state.since.getTime()) / 1000)
      const said = readLine(state.lastLine)
      const message = `${container} has been running for ${seconds} s${said === undefined ? '' : `; its last word: ${said}`}`
      return (state.failedBefore ? error : warning)('migration-waits', subject, message, `do what it says; ${logs}`)
    }
  }
}

const MAX_SAID = 1_000
const oneLine = (text: string) => text.trim().replace(/\s+/g, ' ').slice(0, MAX_SAID)

/** The runner leaves JSON (`engine/event.ts`); what else ended the container leaves lines. */
function readTermination(text: string): { readonly message: string; readonly fix?: string } {
  try {
    const { code = '', message = '', fix } = JSON.parse(text) as { code?: string; message?: string; fix?: string }
    return { message: `${code}: ${message}`, ...(fix !== undefined && { fix }) }
  } catch {
    return { message: text.trim().split('\n').at(-1) ?? text }
  }
}

/** A line of the runner's log: what happens, to which version, and in which words. */
function readLine(text: string | undefined): string | undefined {
  if (text === undefined) return undefined
  try {
    const { event = '', version, message } = JSON.parse(text) as { event?: string; version?: string; message?: string }
    return oneLine([event, version, message].filter((each) => each !== undefined).join(' '))
  } catch {
    return oneLine(text)
  }
}
