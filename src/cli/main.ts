import { createRequire, enableCompileCache } from 'node:module'

// Node keeps compiled code from one run to the next, in the folder for temporary files; it starts a third faster then.
enableCompileCache()
const file = import.meta.url.endsWith('.ts') ? './run-program.ts' : './lockkeeper-program.cjs'
const { runProgram }: typeof import('./run-program.ts') = createRequire(import.meta.url)(file)
await runProgram()
