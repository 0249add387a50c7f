import type { V1MutatingWebhook, V1ValidatingWebhook } from '@kubernetes/client-node'
import type { Clients } from './clients.ts'

/** What a webhook of ours trusts, in one of the two configurations. */
export interface Trust {
  readonly webhook: string
  /** PEM text; empty when nobody set it yet. */
  readonly caBundle: string
  /** Writes another one, and only into the webhook of this name. */
  set(caBundle: string): Promise<void>
}

/** Our webhooks in both configurations. */
export async function readTrusts({ admission }: Clients, name: string): Promise<Trust[]> {
  const [mutating, validating] = await Promise.all([
    admission.readMutatingWebhookConfiguration({ name }),
    admission.readValidatingWebhookConfiguration({ name }),
  ])
  return [
    ...trustsOf(mutating.webhooks ?? [], (body) => admission.patchMutatingWebhookConfiguration({ name, body })),
    ...trustsOf(validating.webhooks ?? [], (body) => admission.patchValidatingWebhookConfiguration({ name, body })),
  ]
}

const trustsOf = (
  webhooks: readonly (V1MutatingWebhook | V1ValidatingWebhook)[],
  patch: (body: object[]) => Promise<unknown>,
): Trust[] =>
  webhooks.flatMap(({ name: webhook, clientConfig }, i) =>
    webhook.endsWith('.lockkeeper.dev')
      ? [
          {
            webhook,
            caBundle: Buffer.from(clientConfig.caBundle ?? '', 'base64').toString('utf8'),
            set: async (caBundle) => {
              await patch([
                { op: 'test', path: `/webhooks/${i}/name`, value: webhook },
                {
                  op: 'add',
                  path: `/webhooks/${i}/clientConfig/caBundle`,
                  value: Buffer.from(caBundle).toString('base64'),
                },
              ])
            },
          },
        ]
      : [],
  )
