import { copyFile, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { type BuildOptions, build } from 'esbuild'

/**
 * pg and the Kubernetes client are CommonJS inside: their `require` of Node's own modules needs one in an ES module.
 * PostgreSQL's parser looks for its WASM beside the file that it stands in.
 */
const requireBanner =
  "import{createRequire}from'node:module';const require=createRequire(import.meta.url),__dirname=import.meta.dirname;"

const common: BuildOptions = {
  bundle: true,
  platform: 'node',
  target: 'node22.19',
  format: 'esm',
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: 'none',
  logLevel: 'warning',
  external: ['pg-native'],
  banner: { js: requireBanner },
}

const bundles: Readonly<Record<string, BuildOptions>> = {
  runner: { entryPoints: { runner: 'sidecar/main.ts' }, splitting: true, chunkNames: 'runner-[hash]' },
  webhook: { entryPoints: { webhook: 'src/main.ts', 'webhook-judge': 'src/judging/worker.ts' } },
  lockkeeper: {
    entryPoints: { lockkeeper: 'src/cli/main.ts' },
    splitting: true,
    chunkNames: 'lockkeeper-[hash]',
    banner: { js: `#!/usr/bin/env node\n${requireBanner}` },
  },
}

/**
 * Writes `dist/lockkeeper.js`, `dist/webhook.js` and `dist/runner.js`, or those that are named, and `dist/libpg-query.wasm`
 * which each of them needs beside it to read SQL. The runner is split, so that a pod with nothing to do never loads what only a migration
 * needs; its chunks are `dist/runner-*.js`. `--outdir` names another folder.
 */
async function buildAll(outdir: string, names: readonly string[]): Promise<void> {
  await rm(outdir, { recursive: true, force: true })
  await Promise.all(names.map((name) => build({ ...common, ...bundles[name], outdir })))
  const parser = dirname(fileURLToPath(import.meta.resolve('libpg-query')))
  await copyFile(join(parser, 'libpg-query.wasm'), join(outdir, 'libpg-query.wasm'))
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { outdir: { type: 'string', default: 'dist' } },
})
await buildAll(values.outdir, positionals.length === 0 ? Object.keys(bundles) : positionals)
