import type { Catalogue, CatalogueEntry, MigrationSet } from './migration.ts'
import { repeatableKey } from './repeatable.ts'

/** What the webhook judges of a set: checksums and findings, no SQL. */
export function catalogueOf(set: MigrationSet): Catalogue {
  const versions = new Set(set.migrations.map(({ version }) => version))
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
          findings: set.findings.filter(({ version }) => version === migration.version),
        }),
      ),
    findings: set.findings.filter(({ version }) => version === undefined || !versions.has(version)),
  }
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
