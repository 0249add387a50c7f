import { describe, expect, test } from 'vitest'
import { KINDS } from '../../src/injection/kinds.ts'
import { hasHelm, type Manifest, only, render } from './chart.ts'

const configurations = ['MutatingWebhookConfiguration', 'ValidatingWebhookConfiguration'] as const
const webhook = (kind: string, values: object = {}): Manifest => {
  const { webhooks } = only(render(values), kind)
  expect(webhooks).toHaveLength(1)
  return webhooks[0]
}

/** `group/version/resource` to operations. */
const matched = ({ rules }: Manifest): Record<string, string[]> =>
  Object.fromEntries(
    rules.flatMap(({ apiGroups, apiVersions, resources, operations }: Manifest) =>
      resources.map((resource: string) => [`${apiGroups}/${apiVersions}/${resource}`, operations]),
    ),
  )

describe.skipIf(!hasHelm)('the webhook configurations', () => {
  test.each(configurations)('of %s match every kind of workload on create and update, and nothing else', (kind) => {
    const rules = matched(webhook(kind))
    const wanted = KINDS.map(({ group, version, kind: each }) => `${group}/${version}/${each.toLowerCase()}s`)
    expect(Object.keys(rules).sort()).toEqual(wanted.sort())
    for (const [resource, operations] of Object.entries(rules)) {
      const created = kind === 'MutatingWebhookConfiguration' && resource === 'batch/v1/jobs'
      expect([resource, operations]).toEqual([resource, created ? ['CREATE'] : ['CREATE', 'UPDATE']])
    }
  })

  test.each(configurations)('of %s match no subresource', (kind) => {
    for (const { resources, scope } of webhook(kind).rules) {
      expect(resources.join()).not.toMatch(/[/*]/)
      expect(scope).toBe('Namespaced')
    }
  })

  test('select alike: labelled namespaces, but never kube-system and our own', () => {
    const [mutating, validating] = configurations.map((kind) => webhook(kind))
    expect(mutating.matchConditions).toEqual(validating.matchConditions)
    expect(mutating.namespaceSelector).toEqual(validating.namespaceSelector)
    expect(mutating.namespaceSelector.matchExpressions).toEqual([
      { key: 'lockkeeper.dev/admission', operator: 'In', values: ['enabled'] },
      { key: 'kubernetes.io/metadata.name', operator: 'NotIn', values: ['kube-system', 'platform'] },
    ])
  })

  test.each(configurations)('of %s fail closed within 5 s, without side effects', (kind) => {
    const { name, clientConfig, ...rest } = webhook(kind)
    const hook = kind === 'MutatingWebhookConfiguration' ? 'mutate' : 'validate'
    expect(name).toBe(`${hook}.lockkeeper.dev`)
    expect(clientConfig).toEqual({ service: { name: 'lockkeeper', namespace: 'platform', path: `/${hook}` } })
    expect(rest).toMatchObject({
      failurePolicy: 'Fail',
      timeoutSeconds: 5,
      sideEffects: 'None',
      matchPolicy: 'Equivalent',
      admissionReviewVersions: ['v1'],
    })
    expect(rest.reinvocationPolicy).toBe(hook === 'mutate' ? 'IfNeeded' : undefined)
  })
})
