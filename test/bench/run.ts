import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { benchApply } from './apply.ts'
import { benchAttack } from './attack.ts'
import { machine } from './figures.ts'
import { benchLint } from './lint.ts'
import { benchOnline } from './online.ts'
import { benchPeers } from './peers.ts'
import { benchPlan } from './plan.ts'
import { benchPod } from './pod.ts'
import { benchProve } from './prove.ts'
import { benchRunner } from './runner.ts'
import { benchCarried, benchMany, benchRebuilt, benchRollouts } from './webhook.ts'

const benches: Readonly<Record<string, () => string[] | Promise<string[]>>> = {
  runner: benchRunner,
  plan: benchPlan,
  lint: benchLint,
  prove: benchProve,
  online: benchOnline,
  rollouts: benchRollouts,
  carried: benchCarried,
  rebuilt: benchRebuilt,
  many: benchMany,
  attack: benchAttack,
  pod: benchPod,
  apply: benchApply,
  peers: benchPeers,
}

/** `npm run bench`, or `npm run bench -- runner peers`: builds, measures, and prints the figures with machine and versions. */
const wanted = process.argv.slice(2)
const unknown = wanted.find((name) => !(name in benches))
if (unknown !== undefined) throw new Error(`there is no bench ${unknown}; there are ${Object.keys(benches).join(', ')}`)
execFileSync(process.execPath, [join(import.meta.dirname, '../tools/build.ts')], { stdio: 'inherit' })
console.log(`${machine()}, PostgreSQL 18`)
for (const [name, bench] of Object.entries(benches)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue
  for (const line of await bench()) console.log(line)
}
