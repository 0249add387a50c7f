import { type Finding, refusal } from '../migration/finding.ts'
import { isAbove } from '../migration/version.ts'
import { usableCatalogue } from './build.ts'
import type { Facts } from './facts.ts'
import { hookCure } from './hook-cure.ts'
import { judgeImage } from './judge-image.ts'
import type { Build } from './situation.ts'

/** What is wrong with the source as a whole: it cannot be had, lacks the target, or does not read as one set of files. */
export function judgeSource(build: Build, facts: Facts): Finding[] {
  const { settings } = build
  const { source } = facts
  const image = judgeImage(build)
  if (source === undefined) return image
  if (source.kind === 'missing')
    return [...image, refusal('source-missing', `ConfigMap ${source.configMap} does not exist`, cureFor(build))]
  if (source.kind === 'failed') {
    const what = `ConfigMap ${source.configMap} could not be read: ${source.reason}`
    return [...image, refusal('source-unreadable', what, source.fix ?? 'run the same command again')]
  }
  const { catalogue } = source
  const within = ({ version }: Finding) => version === undefined || !isAbove(version, settings.target)
  const global = catalogue.findings.filter((finding) => finding.severity === 'error' && within(finding))
  if (usableCatalogue(facts, settings.target) !== undefined) return [...image, ...global]
  const known = catalogue.entries.at(-1)?.version
  const [names, highest] = [settings.configMaps.join(', '), known === undefined ? '' : ` (the highest is ${known})`]
  const where = settings.files.kind === 'configmap' ? `files of ${names} have` : `catalogue in ${names} has`
  const what = `the ${where} no version ${settings.target}${highest}`
  return [...image, ...global, refusal('target-unknown', what, cureFor(build), settings.target)]
}

function cureFor({ settings: { files, configMaps }, workload }: Build): string {
  const hook = hookCure(workload, configMaps)
  if (hook !== undefined) return hook
  if (files.kind === 'configmap')
    return `apply the ConfigMap first, or run the same command again (apply -f dir/ goes by file name)`
  return `apply the release's catalogue first: lockkeeper catalogue --name ${configMaps[0]} | kubectl apply -f -`
}
