import type { V1Secret } from '@kubernetes/client-node'
import type { Bundle } from '../../certs/issue.ts'
import type { Stored } from '../../certs/keep.ts'
import { absent, type Clients, unchanged } from './clients.ts'

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

const bundleOf = ({ data }: V1Secret) =>
  Object.fromEntries(
    fields.map(([field, key]) => [field, Buffer.from(data?.[key] ?? '', 'base64').toString('utf8')]),
  ) as unknown as Bundle

const dataOf = (bundle: Bundle) =>
  Object.fromEntries(fields.map(([field, key]) => [key, Buffer.from(bundle[field]).toString('base64')]))
