import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { images } from './install.ts'
import type { Files, Shop } from './orders.ts'
import { type Result, run } from './shell.ts'

const chart = join(import.meta.dirname, '../../../manifests/examples/orders/chart')

/** Installs or upgrades the example's chart in a shop. */
export const upgradeShop = (
  helm: 'helm' | 'helm4',
  shop: Shop,
  version: number,
  folder = chart,
  more: readonly string[] = [],
): Promise<Result> =>
  run(helm, [
    ...['upgrade', '--install', 'orders', folder, '-n', shop.namespace],
    ...['--set', `version=${version},image=${images().example}`, ...more],
  ])

/** A copy of the example's chart with other migrations. */
export async function withChart<T>(files: Files, use: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'lockkeeper-chart-'))
  try {
    cpSync(chart, folder, { recursive: true })
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, 'migrations', name), text)
    return await use(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
