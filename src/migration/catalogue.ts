import { boundFindings } from './bound-findings.ts'
import type { Finding } from './finding.ts'
import type { Catalogue, CatalogueEntry, MigrationSet } from './migration.ts'
import { repeatableKey } from './repeatable.ts'

/** What the webhook judges of a set: checksums and findings, no SQL. */
export function catalogueOf(set: MigrationSet): Catalogue {
  const versions = new Set(set.migrations.map(({ version }) => version))
  const { own, others } = findingsOf(set.findings, versions)
  const unversioned = unversionedOf(set)
  return {
    format: set.format,
    ...(unversioned.length > 0 && { unversioned }),
    entries: set.migrations
      .filter(({ kind }) => kind === 'versioned')
      .map(
        (migration): CatalogueEntry => ({
          version: migration.version,
          name: migration.name,
          upFile: migration.up.file,
          up: migration.up.checksum,
          ...(migration.down && { downFile: migration.down.file, down: migration.down.checksum }),
          ...(migration.irreversible && { irreversible: migration.irreversible.reason }),
          ...(migration.floor !== undefined && { floor: migration.floor }),
          findings: own.get(migration.version) ?? [],
        }),
      ),
    findings: others,
  }
}

/** Findings by version, and those of no version that there is: as many as a catalogue keeps. */
function findingsOf(findings: readonly Finding[], versions: ReadonlySet<string>) {
  const { kept, left } = boundFindings(findings)
  const own = Map.groupBy(kept, ({ version }) => (version !== undefined && versions.has(version) ? version : undefined))
  return { own, others: [...(own.get(undefined) ?? []), ...left] }
}

function unversionedOf({ migrations, baselines = [], callbacks = [] }: MigrationSet) {
  return [
    ...migrations
      .filter(({ kind }) => kind === 'repeatable')
      .map(({ name, up }) => ({ key: repeatableKey(name), up: up.checksum })),
    ...baselines.map(({ version, up }) => ({ key: `B:${version}`, up: up.checksum })),
    ...callbacks.map(({ event, name, script }) => ({ key: `C:${event} ${name}`, up: script.checksum })),
  ].sort((a, b) => (a.key < b.key ? -1 : 1))
}
