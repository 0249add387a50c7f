import type { Catalogue, CatalogueEntry, MigrationSet } from './migration.ts'

/** What the webhook judges of a set: checksums and findings, no SQL. */
export function catalogueOf(set: MigrationSet): Catalogue {
  const versions = new Set(set.migrations.map(({ version }) => version))
  return {
    format: set.format,
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
