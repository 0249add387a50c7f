import { CoordinationV1Api, type V1Lease, V1MicroTime } from '@kubernetes/client-node'
import { absent, type Clients, unchanged } from './clients.ts'
import type { LeaseStore } from './election.ts'

/** A Lease in the cluster. One that is not there is free, and created by who takes it. */
export function leaseStore({ kubeConfig }: Clients, namespace: string, name: string): LeaseStore {
  const api = kubeConfig.makeApiClient(CoordinationV1Api)
  return {
    read: async () => {
      const lease = await absent(api.readNamespacedLease({ name, namespace }))
      const { holderIdentity = '', renewTime, leaseDurationSeconds = 0 } = lease?.spec ?? {}
      return {
        record: { holder: holderIdentity, renewed: String(renewTime), seconds: leaseDurationSeconds },
        write: (holder, seconds) => {
          const spec = specOf(lease, holder, seconds)
          if (lease !== undefined)
            return unchanged(api.replaceNamespacedLease({ name, namespace, body: { ...lease, spec } }))
          const metadata = { name, namespace, labels: { 'app.kubernetes.io/name': 'lockkeeper' } }
          return unchanged(api.createNamespacedLease({ namespace, body: { metadata, spec } }))
        },
      }
    },
  }
}

function specOf(lease: V1Lease | undefined, holder: string, seconds: number): NonNullable<V1Lease['spec']> {
  const now = new V1MicroTime()
  const { holderIdentity, acquireTime = now, leaseTransitions = 0 } = lease?.spec ?? {}
  const stays = holder === holderIdentity
  return {
    holderIdentity: holder,
    leaseDurationSeconds: seconds,
    renewTime: now,
    acquireTime: stays ? acquireTime : now,
    leaseTransitions: stays || holder === '' ? leaseTransitions : leaseTransitions + 1,
  }
}
