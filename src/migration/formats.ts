import { golangMigrate } from './golang-migrate.ts'
import type { Format } from './migration.ts'

/** Every format this release reads, in the order in which they are tried. */
export const formats: readonly Format[] = [golangMigrate]
