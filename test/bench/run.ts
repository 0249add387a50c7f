import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { machine } from './figures.ts'
import { benchRunner } from './runner.ts'
import { benchWebhook } from './webhook.ts'

/** `npm run bench`: builds, measures, and prints the figures with machine and versions. */
execFileSync(process.execPath, [join(import.meta.dirname, '../tools/build.ts')], { stdio: 'inherit' })
console.log(`${machine()}, PostgreSQL 18`)
for (const bench of [benchRunner, benchWebhook]) {
  for (const line of await bench()) console.log(line)
}
