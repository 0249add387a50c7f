import type { V1MutatingWebhook, V1ValidatingWebhook } from '@kubernetes/client-node'
import type { WritableTrust } from '../../certs/keep.ts'
import { absent, type Clients, statusOf } from './clients.ts'

interface Configuration {
  readonly metadata?: { readonly resourceVersion?: string }
  readonly webhooks?: readonly (V1MutatingWebhook | V1ValidatingWebhook)[]
}

/** What our webhooks trust, in both configurations. */
export async function readTrusts({ admission }: Clients, name: string): Promise<WritableTrust[]> {
  const [mutating, validating] = await Promise.all([
    absent(admission.readMutatingWebhookConfiguration({ name })),
    absent(admission.readValidatingWebhookConfiguration({ name })),
  ])
  return [
    trustOf(`MutatingWebhookConfiguration ${name}`, mutating, (body) =>
      admission.patchMutatingWebhookConfiguration({ name, body }),
    ),
    trustOf(`ValidatingWebhookConfiguration ${name}`, validating, (body) =>
      admission.patchValidatingWebhookConfiguration({ name, body }),
    ),
  ]
}

function trustOf(
  configuration: string,
  { metadata, webhooks = [] }: Configuration = {},
  patch: (body: object[]) => Promise<unknown>,
): WritableTrust {
  const ours = [...webhooks.entries()].filter(([, { name }]) => name.endsWith('.lockkeeper.dev'))
  return {
    configuration,
    caBundles: ours.map(([, { clientConfig }]) => Buffer.from(clientConfig.caBundle ?? '', 'base64').toString('utf8')),
    set: (caBundle) =>
      untouched(
        patch([
          { op: 'test', path: '/metadata/resourceVersion', value: metadata?.resourceVersion },
          ...ours.flatMap(([i, webhook]) => [
            { op: 'test', path: `/webhooks/${i}/name`, value: webhook.name },
            {
              op: 'add',
              path: `/webhooks/${i}/clientConfig/caBundle`,
              value: Buffer.from(caBundle).toString('base64'),
            },
          ]),
        ]),
      ),
  }
}

/** The API server answers 422 to a patch of which a test does not hold. */
async function untouched(patching: Promise<unknown>): Promise<boolean> {
  try {
    await patching
    return true
  } catch (error) {
    const status = statusOf(error)
    if (status === 404 || status === 409 || status === 422) return false
    throw error
  }
}
