import type { Settings } from '../injection/settings.ts'
import { type Finding, refusal, remark } from '../migration/finding.ts'
import type { Catalogue, CatalogueEntry } from '../migration/migration.ts'
import { rollbackFindings } from '../migration/rollback.ts'
import { compareVersions, isAbove } from '../migration/version.ts'
import { usableCatalogue } from './build.ts'
import type { Facts } from './facts.ts'
import { judgeImage } from './judge-image.ts'
import { judgeProof } from './judge-proof.ts'
import type { Build } from './situation.ts'

/** What is wrong with the files, and on the way up with what they would run. */
export function judgeFiles(build: Build, facts: Facts): Finding[] {
  const { settings, direction } = build
  const { source } = facts
  const image = judgeImage(build)
  if (source === undefined) return image
  if (source.kind === 'missing')
    return [...image, refusal('source-missing', `ConfigMap ${source.configMap} does not exist`, cureFor(settings))]
  if (source.kind === 'failed') {
    const what = `ConfigMap ${source.configMap} could not be read: ${source.reason}`
    return [...image, refusal('source-unreadable', what, source.fix ?? 'run the same command again')]
  }
  const { catalogue } = source
  // What the SQL of scripts without a version says matters on the way up, where they run.
  const within = ({ version, severity }: Finding) =>
    version === undefined ? severity === 'error' || direction === 'up' : compareVersions(version, settings.target) <= 0
  const global = [...image, ...catalogue.findings.filter(within)]
  if (usableCatalogue(facts, settings.target) === undefined) {
    const known = catalogue.entries.at(-1)?.version
    const [names, highest] = [settings.configMaps.join(', '), known === undefined ? '' : ` (the highest is ${known})`]
    const where = settings.files.kind === 'configmap' ? `files of ${names} have` : `catalogue in ${names} has`
    const what = `the ${where} no version ${settings.target}${highest}`
    return [...global, refusal('target-unknown', what, cureFor(settings), settings.target)]
  }
  return direction === 'back' ? global : [...global, ...wayUp(build, catalogue)]
}

function cureFor({ files, configMaps }: Settings): string {
  if (files.kind === 'configmap')
    return `apply the ConfigMap first, or run the same command again (apply -f dir/ goes by file name)`
  return `apply the release's catalogue first: lockkeeper catalogue --name ${configMaps[0]} | kubectl apply -f -`
}

/** Everything after what was admitted before, up to the target. */
function wayUp(build: Build, catalogue: Catalogue): Finding[] {
  const { settings, old } = build
  const { policy, target } = settings
  const from = old?.status.target
  const range = between(catalogue, from, target)
  // What an existing application brought with it is not warned of.
  const files = range.flatMap(({ version, findings }) =>
    findings.filter(
      ({ code, severity }) =>
        !code.startsWith('rollback-') &&
        (isAbove(version, policy.baseline) || (severity === 'error' && code !== 'sql-rejected')),
    ),
  )
  const rules = {
    rollbackPolicy: policy.rollbackPolicy,
    allowIrreversible: policy.allowIrreversible,
    ...(policy.baseline !== undefined && { baseline: policy.baseline }),
  }
  // That a down script drops what its up made is said on the way back, where it would happen.
  const back = [...rollbackFindings(range, rules), ...judgeProof(range, policy, catalogue)].filter(
    ({ code }) => code !== 'rollback-data-loss' || policy.denyFindings.includes(code),
  )
  // Break-glass excuses what is wrong with a way back, a down script that is not valid SQL included.
  const excused = (finding: Finding): Finding =>
    build.breakGlass !== undefined && isOfRollback(finding) ? { ...finding, severity: 'warning' } : finding
  return [
    ...[...files, ...back].map(excused),
    ...lateVersions(catalogue, old?.status),
    ...changedScripts(catalogue, old?.status),
    ...shownIrreversible(range, rules),
  ]
}

const isOfRollback = ({ code }: Finding) => code.startsWith('rollback-') || code === 'sql-rejected'

/** The migrations above one version, up to another. */
export const between = ({ entries }: Catalogue, from: string | undefined, to: string): readonly CatalogueEntry[] =>
  entries.filter(({ version }) => isAbove(version, from) && compareVersions(version, to) <= 0)

/** Said even where it is allowed. */
const shownIrreversible = (
  range: readonly CatalogueEntry[],
  rules: { rollbackPolicy: string; allowIrreversible: boolean },
) =>
  range
    .filter(
      ({ irreversible }) => irreversible !== undefined && (rules.allowIrreversible || rules.rollbackPolicy === 'off'),
    )
    .map(({ upFile, irreversible, version }) =>
      remark('rollback-irreversible', `${upFile} cannot be undone: ${irreversible}`, 'keep a backup', version),
    )

type Before = { readonly target: string; readonly entries: Readonly<Record<string, string>> } | undefined

function lateVersions({ entries }: Catalogue, before: Before): Finding[] {
  if (before === undefined || Object.keys(before.entries).length === 0) return []
  const oldest = Object.keys(before.entries).sort(compareVersions)[0] ?? '0'
  return entries
    .filter(({ version }) => compareVersions(version, before.target) < 0 && compareVersions(version, oldest) > 0)
    .filter(({ version }) => before.entries[version] === undefined)
    .map(({ version, upFile }) =>
      remark(
        'version-out-of-order',
        `${upFile} is new, but lies below the admitted ${before.target}`,
        'give it the next free number',
        version,
      ),
    )
}

function changedScripts({ entries }: Catalogue, before: Before): Finding[] {
  return entries
    .filter(({ version, up }) => before?.entries[version] !== undefined && before.entries[version] !== up.slice(0, 8))
    .filter(({ version }) => compareVersions(version, before?.target ?? '0') <= 0)
    .map(({ version, upFile }) =>
      remark(
        'migration-changed',
        `${upFile} is not the script that was admitted before; where it ran, the runner refuses`,
        'put the old text back, and write the change into the next migration',
        version,
      ),
    )
}
