import type { Workload } from '../injection/workload.ts'

/**
 * What to do where a release's own order keeps its ConfigMap away: Helm and Argo CD apply ordinary objects only after the
 * hooks that come before a release, so that no second try would find them (Helm, Chart Hooks; Argo CD, Sync Phases).
 * Undefined for what is no such hook.
 */
export function hookCure({ metadata }: Workload, configMaps: readonly string[]): string | undefined {
  const { annotations = {} } = metadata
  const [noun, names] = [configMaps.length > 1 ? 'ConfigMaps' : 'ConfigMap', configMaps.join(', ')]
  const helm = listed(annotations[HELM]).filter((each) => each.startsWith('pre-'))
  if (helm.length > 0) {
    const weight = lower(annotations[`${HELM}-weight`])
    return `make the ${noun} ${names} a hook of lower weight, ${HELM}: ${helm.join(',')} and ${HELM}-weight: "${weight}": Helm applies ordinary objects only after it`
  }
  if (!listed(annotations[ARGO]).includes('PreSync')) return undefined
  const wave = lower(annotations[ARGO_WAVE])
  return `make the ${noun} ${names} a hook of a lower wave, ${ARGO}: PreSync and ${ARGO_WAVE}: "${wave}": Argo CD applies ordinary objects only after it`
}

const HELM = 'helm.sh/hook'
const ARGO = 'argocd.argoproj.io/hook'
const ARGO_WAVE = 'argocd.argoproj.io/sync-wave'

const listed = (text = '') => text.split(',').map((each) => each.trim())

/** Both count from 0 where nothing is said, and take what is no number for it. */
const lower = (text = '0') => (/^[+-]?\d{1,9}$/.test(text.trim()) ? Number(text) : 0) - 1
