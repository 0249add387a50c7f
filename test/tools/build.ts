import { rm } from 'node:fs/promises'
import { type BuildOptions, build } from 'esbuild'

/** pg and the Kubernetes client are CommonJS inside: their `require` of Node's own modules needs one in an ES module. */
const requireBanner = "import{createRequire}from'node:module';const require=createRequire(import.meta.url);"

const common: BuildOptions = {
  bundle: true,
  platform: 'node',
  target: 'node22.19',
  format: 'esm',
  outdir: 'dist',
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: 'none',
  logLevel: 'warning',
  external: ['pg-native'],
  banner: { js: requireBanner },
}

const bundles: Readonly<Record<string, BuildOptions>> = {
  runner: { entryPoints: { runner: 'sidecar/main.ts' }, splitting: true, chunkNames: 'runner-[hash]' },
  webhook: { entryPoints: { webhook: 'src/main.ts' } },
  lockkeeper: {
    entryPoints: { lockkeeper: 'src/cli/main.ts' },
    splitting: true,
    chunkNames: 'lockkeeper-[hash]',
    banner: { js: `#!/usr/bin/env node\n${requireBanner}` },
  },
}

/**
 * Writes `dist/lockkeeper.js`, `dist/webhook.js` and `dist/runner.js`, or those that are named. The runner is split, so
 * that a pod with nothing to do never loads what only a migration needs; its chunks are `dist/runner-*.js`.
 */
async function buildAll(names: readonly string[]): Promise<void> {
  await rm('dist', { recursive: true, force: true })
  await Promise.all(names.map((name) => build({ ...common, ...bundles[name] })))
}

const wanted = process.argv.slice(2)
await buildAll(wanted.length === 0 ? Object.keys(bundles) : wanted)
