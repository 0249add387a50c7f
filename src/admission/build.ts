import { ENV, RESTARTED_AT } from '../contract.ts'
import { migrateContainer } from '../injection/container.ts'
import { filesParts } from '../injection/files-container.ts'
import type { Parts } from '../injection/parts.ts'
import { sameJson } from '../injection/same-json.ts'
import { type Status, writeStatus } from '../injection/status.ts'
import { migrateVolume, mountedItems } from '../injection/volume.ts'
import { type EnvEntry, type JsonObject, type Workload, workloadId } from '../injection/workload.ts'
import { writeFloors } from '../migration/floor-list.ts'
import type { Catalogue } from '../migration/migration.ts'
import { compareVersions } from '../migration/version.ts'
import type { Facts } from './facts.ts'
import { envOf } from './not-injected.ts'
import type { ReviewRequest } from './review.ts'
import type { Build } from './situation.ts'
import { wantedStatus } from './wanted-status.ts'

const HOUR = 3_600_000
/**
 * Within this a status that a CREATE brings is our own from a moment ago (reinvocation), though by another replica whose
 * clock is a minute or two off; later it is a copy.
 */
const MOMENT = 180_000

/** Whether the source holds what the target needs. */
export function usableCatalogue({ source }: Facts, target: string): Catalogue | undefined {
  if (source?.kind !== 'read') return undefined
  const { catalogue } = source
  return target === '0' || catalogue.entries.some(({ version }) => version === target) ? catalogue : undefined
}

/** Our parts for a workload, or the old ones where a source that is gone must not stop a hotfix. */
export function buildParts(request: ReviewRequest, build: Build, facts: Facts): Parts {
  const { settings, workload, old, direction } = build
  const catalogue = usableCatalogue(facts, settings.target)
  if (catalogue === undefined && direction === 'same' && build.sameIntent && old?.parts !== undefined) return old.parts
  const wanted = wantedStatus(build, catalogue, facts)
  const items = facts.source?.kind === 'read' ? facts.source.items : mountedItems(workload)
  const extras = filesParts(settings, workload)
  const assemble = (token: number): Parts => {
    const status: Status = { ...wanted, token }
    const container = migrateContainer(settings, {
      workload,
      id: workloadId(request.namespace, workload),
      cluster: facts.cluster,
      image: facts.runnerImage,
      imagePullPolicy: facts.imagePullPolicy,
      status,
      breakGlass: build.breakGlass?.version ?? excuseInForce(build, wanted.digest),
      floors: handedFloors(catalogue, settings.target),
    })
    const parts = { container, volume: migrateVolume(settings, items), status: writeStatus(status) }
    return extras === undefined ? parts : { ...parts, extras }
  }
  if (old !== undefined && keepsToken(request, build, wanted, assemble(old.status.token)))
    return assemble(old.status.token)
  return assemble(newToken(request, build, wanted, facts.now))
}

/** The runner need not read the SQL again that was read here. */
function handedFloors(catalogue: Catalogue | undefined, target: string): string | undefined {
  if (catalogue === undefined || catalogue.findings.some(({ code }) => code === 'sql-unjudged')) return undefined
  return writeFloors(catalogue.entries.filter(({ version }) => compareVersions(version, target) <= 0))
}

/** Break-glass that let these very files in stays with them: pods may not have come to them yet. */
function excuseInForce({ old, sameIntent }: Build, digest: string): string | undefined {
  if (old?.parts === undefined || !sameIntent || old.status.digest !== digest) return undefined
  return envOf(old.parts, ENV.breakGlass)
}

/** The same wishes over the same files by the same settings are the same intent, however often the template changes. */
function keepsToken(
  { old: oldRequest }: ReviewRequest & { old: Workload | undefined },
  build: Build,
  wanted: Omit<Status, 'token'>,
  parts: Parts,
): boolean {
  const { old, sameIntent, workload } = build
  if (old?.parts === undefined || !sameIntent || old.status.digest !== wanted.digest) return false
  if (restartedAt(workload) !== restartedAt(oldRequest)) return false
  return sameJson(comparable(parts.container), comparable(old.parts.container))
}

const restartedAt = (workload: Workload | undefined) => workload?.spec.template.metadata?.annotations?.[RESTARTED_AT]

const incidental: readonly string[] = [ENV.databaseUrl, ENV.floors, ENV.namespace]

/**
 * The environment without what may change while the wish stays the same: where the application keeps its URL, and what a
 * newer release knows of the SQL.
 */
const comparable = (container: JsonObject) =>
  ((container.env ?? []) as unknown as EnvEntry[]).filter(
    ({ name }) => name.startsWith('LOCKKEEPER_') && !incidental.includes(name),
  )

function newToken(
  { dryRun, operation }: ReviewRequest,
  build: Build,
  wanted: Omit<Status, 'token'>,
  now: number,
): number {
  const { incoming } = build
  const last = build.last?.token ?? 0
  const lowest = operation === 'CREATE' ? now - MOMENT : last + 1
  const same = incoming !== undefined && incoming.intent === wanted.intent && incoming.digest === wanted.digest
  if (same && incoming.token >= lowest && incoming.token > last && incoming.token <= now + HOUR) return incoming.token
  if (dryRun && last > 0) return last + 1
  return Math.max(now, last + 1)
}
