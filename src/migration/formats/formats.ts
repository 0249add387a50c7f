import type { Format } from '../migration.ts'
import { dbdeploy } from './dbdeploy.ts'
import { dbmate } from './dbmate.ts'
import { flyway } from './flyway.ts'
import { golangMigrate } from './golang-migrate.ts'
import { goose } from './goose.ts'

/** Every format this release reads, in the order in which they are tried. */
export const formats: readonly Format[] = [golangMigrate, flyway, dbdeploy, dbmate, goose]
