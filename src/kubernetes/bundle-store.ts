import type { Bundle } from '../../certs/issue.ts'
import type { BundleStore } from '../../certs/keep.ts'
import { type Clients, statusOf } from './clients.ts'

const keys = { ca: 'ca.crt', caKey: 'ca.key', cert: 'tls.crt', key: 'tls.key' } as const

/** The bundle in one Secret, which the chart ships empty: so its name alone is all that the role needs. */
export function secretStore({ core }: Clients, namespace: string, name: string): BundleStore {
  return {
    read: async () => {
      const { data, metadata } = await core.readNamespacedSecret({ name, namespace })
      return { bundle: bundleOf(data ?? {}), version: metadata?.resourceVersion ?? '' }
    },
    write: async (bundle, version) => {
      const { metadata, type } = await core.readNamespacedSecret({ name, namespace })
      if (metadata?.resourceVersion !== version) return false
      const data = Object.fromEntries(
        Object.entries(keys).map(([field, key]) => [
          key,
          Buffer.from(bundle[field as keyof Bundle]).toString('base64'),
        ]),
      )
      try {
        await core.replaceNamespacedSecret({
          name,
          namespace,
          body: { metadata, data, ...(type !== undefined && { type }) },
        })
        return true
      } catch (error) {
        if (statusOf(error) === 409) return false
        throw error
      }
    },
  }
}

function bundleOf(data: Readonly<Record<string, string>>): Bundle | undefined {
  const text = (key: string) => Buffer.from(data[key] ?? '', 'base64').toString('utf8')
  const bundle = { ca: text(keys.ca), caKey: text(keys.caKey), cert: text(keys.cert), key: text(keys.key) }
  return Object.values(bundle).some((value) => value === '') ? undefined : bundle
}
