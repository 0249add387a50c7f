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
}

/**
 * What a person or a pod waits for is one file of CommonJS: what it imports late is run late, and so are the modules of
 * Node behind it, of which an import would also read every member. The first few lines stay apart, so that what Node
 * compiled of the rest is kept.
 */
const started: BuildOptions = {
  ...common,
  format: 'cjs',
  outExtension: { '.js': '.cjs' },
  define: { 'import.meta.dirname': '__dirname', 'import.meta.url': '__url' },
  banner: { js: "const __url=require('node:url').pathToFileURL(__filename).href;" },
}

const KUBERNETES = '@kubernetes/client-node'

/** Six of seven megabytes, which only `doctor` needs, in a file of their own. */
const kubernetesApart: NonNullable<BuildOptions['plugins']>[number] = {
  name: 'kubernetes-apart',
  setup({ onResolve }) {
    onResolve({ filter: new RegExp(`^${KUBERNETES}$`) }, () => ({
      path: './lockkeeper-kubernetes.cjs',
      external: true,
    }))
  },
}

const bundles: Readonly<Record<string, readonly BuildOptions[]>> = {
  runner: [
    { ...common, entryPoints: { runner: 'sidecar/main.ts' } },
    { ...started, entryPoints: { 'runner-program': 'sidecar/init-container.ts' } },
  ],
  webhook: [
    {
      ...common,
      entryPoints: { webhook: 'src/main.ts', 'webhook-source': 'src/webhook/source-worker.ts' },
      banner: { js: requireBanner },
    },
  ],
  lockkeeper: [
    { ...common, entryPoints: { lockkeeper: 'src/cli/main.ts' }, banner: { js: '#!/usr/bin/env node' } },
    {
      ...started,
      entryPoints: { 'lockkeeper-program': 'src/cli/run-program.ts' },
      plugins: [kubernetesApart],
    },
    {
      ...started,
      stdin: { contents: `export * from '${KUBERNETES}'`, resolveDir: '.' },
      entryNames: 'lockkeeper-kubernetes',
    },
  ],
}

/**
 * Writes `dist/lockkeeper.js`, `dist/webhook.js` and `dist/runner.js`, or those that are named, with the files that belong
 * to each (`dist/NAME-*`), and `dist/libpg-query.wasm` which each of them needs beside it to read SQL. `--outdir` names
 * another folder.
 */
async function buildAll(outdir: string, names: readonly string[]): Promise<void> {
  await rm(outdir, { recursive: true, force: true })
  const wanted = names.flatMap((name) => bundles[name] ?? [])
  await Promise.all(wanted.map((options) => build({ ...options, outdir })))
  const parser = dirname(fileURLToPath(import.meta.resolve('libpg-query')))
  await copyFile(join(parser, 'libpg-query.wasm'), join(outdir, 'libpg-query.wasm'))
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { outdir: { type: 'string', default: 'dist' } },
})
await buildAll(values.outdir, positionals.length === 0 ? Object.keys(bundles) : positionals)
