import { type Finding, remark } from '../migration/finding.ts'
import type { Catalogue, CatalogueEntry } from '../migration/migration.ts'
import { rollbackFindings } from '../migration/rollback.ts'
import { compareVersions, isAbove } from '../migration/version.ts'
import type { Facts } from './facts.ts'
import { judgeBeside } from './judge-beside.ts'
import { judgeProof } from './judge-proof.ts'
import { oldestOf } from './pairs.ts'
import type { Build } from './situation.ts'
import type { ToJudge } from './what-to-judge.ts'

type Judged = ToJudge['versions'][number]

/** Findings about what has to be judged, whatever direction the target takes. */
export function judgeFiles(
  build: Build,
  catalogue: Catalogue,
  { versions, beside }: ToJudge,
  { now }: Facts,
): Finding[] {
  const { policy } = build.settings
  const judged = versions.filter((each) => !isStoredDown(build, each)).map(({ entry }) => entry)
  // What an existing application brought with it is not warned of.
  const files = judged.flatMap(({ version, findings }) =>
    findings.filter(
      ({ code, severity }) =>
        !code.startsWith('rollback-') &&
        (isAbove(version, policy.baseline) || (severity === 'error' && code !== 'sql-rejected')),
    ),
  )
  // That a down script drops what its up made is said on the way back, where it would happen.
  const back = [
    ...rollbackFindings(judged, rulesOf(build)),
    ...judgeProof(judged, policy, catalogue, now),
    ...(beside ? judgeBeside(policy, catalogue) : []),
  ].filter(({ code }) => code !== 'rollback-data-loss' || policy.denyFindings.includes(code))
  // Break-glass excuses what is wrong with a way back, a down script that is not valid SQL included.
  const excused = (finding: Finding): Finding =>
    build.breakGlass !== undefined && isOfRollback(finding) ? { ...finding, severity: 'warning' } : finding
  return [
    ...[...files, ...ofNoVersion(catalogue, versions.length > 0, beside), ...back].map(excused),
    ...lateVersions(build, versions),
    ...changedScripts(build, versions),
    ...shownIrreversible(build, judged),
    ...listedWithoutPolicy(build, judged),
  ]
}

const isOfRollback = ({ code }: Finding) => code.startsWith('rollback-') || code === 'sql-rejected'

/** An admitted up script whose down file is gone, on the way back: the database keeps the down script that it ran with. */
export const storedDowns = (build: Build, { versions }: ToJudge): Finding[] =>
  versions
    .filter((each) => isStoredDown(build, each))
    .flatMap(({ entry }) => rollbackFindings([entry], rulesOf(build)))
    .filter(({ code }) => code === 'rollback-missing')

const isStoredDown = ({ direction }: Build, { entry, why }: Judged) =>
  direction === 'back' && why === 'down' && entry.down === undefined

const rulesOf = ({ settings: { policy } }: Build) => ({
  rollbackPolicy: policy.rollbackPolicy,
  allowIrreversible: policy.allowIrreversible,
  ...(policy.baseline !== undefined && { baseline: policy.baseline }),
})

/** What the SQL of scripts without a version says, and that nobody could look at any of it. */
const ofNoVersion = ({ findings }: Catalogue, versions: boolean, beside: boolean): Finding[] =>
  findings.filter(
    ({ version, severity, code }) =>
      version === undefined && severity === 'warning' && (beside || (versions && code === 'sql-unjudged')),
  )

/** Under `rollback-policy: off` nobody looks for down scripts, unless `deny-findings` names what to look for. */
function listedWithoutPolicy(build: Build, judged: readonly CatalogueEntry[]): Finding[] {
  const { rollbackPolicy, denyFindings } = build.settings.policy
  if (rollbackPolicy !== 'off') return []
  const rules = { ...rulesOf(build), rollbackPolicy: 'require' } as const
  return rollbackFindings(judged, rules).filter(({ code }) => denyFindings.includes(code))
}

/** Said even where it is allowed. */
function shownIrreversible(build: Build, judged: readonly CatalogueEntry[]): Finding[] {
  const { rollbackPolicy, allowIrreversible } = build.settings.policy
  if (!allowIrreversible && rollbackPolicy !== 'off') return []
  return judged
    .filter(({ irreversible }) => irreversible !== undefined)
    .map(({ upFile, irreversible, version }) =>
      remark('rollback-irreversible', `${upFile} cannot be undone: ${irreversible}`, 'keep a backup', version),
    )
}

function lateVersions({ admitted }: Build, versions: ToJudge['versions']): Finding[] {
  const oldest = admitted && oldestOf(admitted)
  if (oldest === undefined) return []
  return versions
    .filter(({ entry, why }) => why === 'new' && compareVersions(entry.version, admitted?.target ?? '0') < 0)
    .map(({ entry: { version, upFile } }) =>
      remark(
        'version-out-of-order',
        `${upFile} is new, but lies below the admitted ${admitted?.target}`,
        'give it the next free number',
        version,
      ),
    )
}

const changedScripts = ({ admitted }: Build, versions: ToJudge['versions']): Finding[] =>
  versions
    .filter(({ entry, why }) => why === 'up' && !isAbove(entry.version, admitted?.target))
    .map(({ entry: { version, upFile } }) =>
      remark(
        'migration-changed',
        `${upFile} is not the script that was admitted before; where it ran, the runner refuses`,
        'put the old text back, and write the change into the next migration',
        version,
      ),
    )
