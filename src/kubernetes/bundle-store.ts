import type { V1Secret } from '@kubernetes/client-node'
import type { Bundle } from '../../certs/issue.ts'
import type { Stored } from '../../certs/keep.ts'
import { type Clients, statusOf } from './clients.ts'

const keys = { ca: 'ca.crt', caKey: 'ca.key', cert: 'tls.crt', key: 'tls.key' } as const
const fields = Object.entries(keys) as [keyof Bundle, string][]

/** The Secret that holds the bundle, as it is now, and a way to write it that fails when someone else wrote in between. */
export async function readSecret({ core }: Clients, namespace: string, name: string): Promise<Stored> {
  const found = await absent(core.readNamespacedSecret({ name, namespace }))
  if (found === undefined) {
    const metadata = { name, namespace, labels: { 'app.kubernetes.io/name': 'lockkeeper' } }
    return {
      bundle: undefined,
      write: (bundle) =>
        unchanged(core.createNamespacedSecret({ namespace, body: { metadata, type: 'Opaque', data: dataOf(bundle) } })),
    }
  }
  return {
    bundle: bundleOf(found),
    // The metadata that was read go back with their resourceVersion; keys that are not ours go.
    write: (bundle) =>
      unchanged(core.replaceNamespacedSecret({ name, namespace, body: { ...found, data: dataOf(bundle) } })),
  }
}

/** Undefined for what is not there. */
export async function absent<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading
  } catch (error) {
    if (statusOf(error) === 404) return undefined
    throw error
  }
}

/** Whether a write went through; not when the object changed, went or came since it was read. */
export async function unchanged(writing: Promise<unknown>): Promise<boolean> {
  try {
    await writing
    return true
  } catch (error) {
    const status = statusOf(error)
    if (status === 404 || status === 409) return false
    throw error
  }
}

const bundleOf = ({ data }: V1Secret) =>
  Object.fromEntries(
    fields.map(([field, key]) => [field, Buffer.from(data?.[key] ?? '', 'base64').toString('utf8')]),
  ) as unknown as Bundle

const dataOf = (bundle: Bundle) =>
  Object.fromEntries(fields.map(([field, key]) => [key, Buffer.from(bundle[field]).toString('base64')]))
