import { dbdeploy } from './dbdeploy.ts'
import { dbmate } from './dbmate.ts'
import { flyway } from './flyway.ts'
import { golangMigrate } from './golang-migrate.ts'
import { goose } from './goose.ts'
import type { AdoptedTool } from './tool.ts'

/** Every tool that a database can be taken over from. */
export const tools: readonly AdoptedTool[] = [golangMigrate, flyway, dbdeploy, dbmate, goose]
