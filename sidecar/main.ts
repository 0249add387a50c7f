import { createRequire, enableCompileCache } from 'node:module'

// Node keeps compiled code where NODE_COMPILE_CACHE says; the image brings it along.
enableCompileCache()
const file = import.meta.url.endsWith('.ts') ? './init-container.ts' : './runner-program.cjs'
const { runInitContainer }: typeof import('./init-container.ts') = createRequire(import.meta.url)(file)
process.exitCode = await runInitContainer()
