import { readSecret } from './bundle-store.ts'
import { type CertificateOptions, type Certificates, keepCertificates } from './certificates.ts'
import type { Clients } from './clients.ts'
import { watchObject } from './doorbell.ts'
import { Candidate } from './election.ts'
import { leaseStore } from './lease.ts'
import { readTrusts } from './webhooks.ts'

export interface SelfManagedOptions extends Omit<CertificateOptions, 'world' | 'candidate' | 'listen'> {
  readonly clients: Clients
  readonly namespace: string
  /** The Secret that holds CA and leaf. */
  readonly secret: string
  /** Name of both webhook configurations. */
  readonly configuration: string
  readonly lease: string
  readonly me: string
}

/** Certificates of our own making, in the cluster that the clients talk to. */
export function keepOwnCertificates(options: SelfManagedOptions): Certificates {
  const { clients, namespace, secret, configuration, lease, me, log } = options
  const admission = '/apis/admissionregistration.k8s.io/v1'
  const watched = [
    { path: `/api/v1/namespaces/${namespace}/secrets`, name: secret },
    { path: `${admission}/mutatingwebhookconfigurations`, name: configuration },
    { path: `${admission}/validatingwebhookconfigurations`, name: configuration },
  ]
  return keepCertificates({
    ...options,
    world: {
      trusts: () => readTrusts(clients, configuration),
      secret: () => readSecret(clients, namespace, secret),
    },
    candidate: new Candidate(leaseStore(clients, namespace, lease), me, () => performance.now()),
    listen: (ring) =>
      watched.map((each) =>
        watchObject(clients, {
          ...each,
          ring,
          deaf: (reason) => log('warn', `${each.path} cannot be watched: ${reason}; it is looked at every 2 s instead`),
        }),
      ),
  })
}
