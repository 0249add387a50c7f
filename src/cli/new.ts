import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { formats } from '../migration/formats/formats.ts'
import { golangMigrate } from '../migration/formats/golang-migrate.ts'
import { readMigrations } from '../migration/read.ts'
import { highestVersion } from '../migration/version.ts'
import { Problem } from '../problem.ts'
import { filesAt } from './migrations.ts'
import type { Output } from './output.ts'

/** `new NAME`: the next pair of files, in the folder's format. Prints their paths. */
export async function create(output: Output, folder: string, name: string): Promise<number> {
  if (!/[\p{L}\p{N}]/u.test(name)) throw new Problem('the name has no letter', 'lockkeeper new add_email_to_orders')
  if (!existsSync(folder)) mkdirSync(folder, { recursive: true })
  const files = await filesAt(folder)
  const read = files.length === 0 ? undefined : readMigrations(files)
  const highest = highestVersion(
    [...(read?.migrations ?? []), ...(read?.baselines ?? [])].flatMap(({ kind, version }) =>
      kind === 'repeatable' ? [] : version,
    ),
  )
  const format = formats.find(({ name }) => name === read?.format) ?? golangMigrate
  const paths = format.scaffold(highest, name).map((file) => {
    const path = join(folder, file.name)
    // `wx`: never over a file that is there.
    writeFileSync(path, file.content, { flag: 'wx' })
    return path
  })
  output.document(paths)
  for (const path of paths) output.print(path)
  return 0
}
