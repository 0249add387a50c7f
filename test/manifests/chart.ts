import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { parseAllDocuments } from 'yaml'

export const chartFolder = join(import.meta.dirname, '../../manifests/chart')

// biome-ignore lint/suspicious/noExplicitAny: manifests of many kinds as they come
export type Manifest = any

const versions = ['--kube-version', '1.30.0']

function template(values: object, folder: string, namespace: string) {
  // On standard input, so that a value keeps its type.
  const args = ['template', 'lockkeeper', folder, '-n', namespace, ...versions, '-f', '-']
  return spawnSync('helm', args, { input: JSON.stringify(values), encoding: 'utf8' })
}

/** Whether Helm is here; says so when it is not, since the tests of the chart are then skipped. */
export const hasHelm = spawnSync('helm', ['version']).status === 0
if (!hasHelm) console.log('skipped: the chart (no helm on the PATH)')

/** Everything that `helm template` makes of the chart, tests and all. */
export function render(values: object = {}, folder = chartFolder, namespace = 'platform'): Manifest[] {
  const { status, stdout, stderr } = template(values, folder, namespace)
  if (status !== 0) throw new Error(`helm template ended with ${status}:\n${stderr}`)
  return parseAllDocuments(stdout)
    .map((document) => {
      const [error] = document.errors
      if (error !== undefined) throw error
      return document.toJS()
    })
    .filter((manifest) => manifest !== null)
}

/** What Helm says against values; fails when it takes them. */
export function refusal(values: object): string {
  const { status, stderr } = template(values, chartFolder, 'platform')
  if (status === 0) throw new Error(`helm took ${JSON.stringify(values)}`)
  return stderr
}

/** The one manifest of a kind, or of that kind and name. */
export function only(manifests: readonly Manifest[], kind: string, name?: string): Manifest {
  const found = manifests.filter(
    (each) => each.kind === kind && !isTest(each) && (name === undefined || each.metadata.name === name),
  )
  if (found.length !== 1) throw new Error(`${found.length} manifests of kind ${kind} ${name ?? ''}`)
  return found[0]
}

export const isTest = ({ metadata }: Manifest): boolean => metadata.annotations?.['helm.sh/hook'] === 'test'

/** Names of all manifests but the chart's tests, `Kind/name`, in order. */
export const names = (manifests: readonly Manifest[]): string[] =>
  manifests
    .filter((each) => !isTest(each))
    .map(({ kind, metadata }) => `${kind}/${metadata.name}`)
    .sort()
