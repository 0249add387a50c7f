import { DOMAIN } from '../contract.ts'
import { diagnose } from '../diagnosis/diagnose.ts'
import { KINDS } from '../injection/kinds.ts'
import { makeClients, reasonOf } from '../kubernetes/clients.ts'
import { readInstallation } from '../kubernetes/read-installation.ts'
import { sanitize } from '../migration/sanitize.ts'
import { Problem } from '../problem.ts'
import { green, type Output, red, yellow } from './output.ts'

export interface DoctorOptions {
  readonly kubeconfig?: string
  readonly context?: string
  readonly namespace?: string
}

/** `doctor`: what is wrong with an installation and the workloads that count on it. It only reads. Exit 1 when something is. */
export async function doctor(
  output: Output,
  { kubeconfig, context, namespace = 'lockkeeper' }: DoctorOptions,
): Promise<number> {
  const installation = await observe({ ...(kubeconfig && { kubeconfig }), ...(context && { context }) }, namespace)
  const ailments = diagnose(installation, new Date())
  const { server, workloads, namespaces } = installation
  const labelled = namespaces.filter(({ labels }) => labels[`${DOMAIN}/admission`] === 'enabled').length
  output.document({ server, namespace, namespaces: labelled, workloads: workloads.length, findings: ailments })
  for (const { code, severity, subject, message, fix } of ailments) {
    const tone = severity === 'error' ? red : yellow
    const what = sanitize(`${subject}: ${message}`)
    output.print(`${tone(severity, output.colour)} ${code}: ${what}\n  fix: ${sanitize(fix)}`)
  }
  const count = (what: 'error' | 'warning') => ailments.filter(({ severity }) => severity === what).length
  const counted = (what: 'error' | 'warning') => `${count(what)} ${what}${count(what) === 1 ? '' : 's'}`
  output.print(
    ailments.length === 0
      ? `${green('all well', output.colour)}: Kubernetes ${server}, ${labelled} namespaces opted in, ${workloads.length} workloads`
      : `${counted('error')}, ${counted('warning')}`,
  )
  return count('error') === 0 ? 0 : 1
}

async function observe(where: { kubeconfig?: string; context?: string }, namespace: string) {
  const concerns = (object: unknown) => /lockkeeper/.test(JSON.stringify(object))
  try {
    return await readInstallation(makeClients(where), { namespace, kinds: KINDS, concerns })
  } catch (error) {
    throw new Problem(
      `the cluster cannot be looked at: ${reasonOf(error)}`,
      'name it with --kubeconfig and --context; it takes the right to list namespaces, pods, workloads and the webhook configurations (and, to say more, to read the logs of pods and events)',
    )
  }
}
