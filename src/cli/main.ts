import { enableCompileCache } from 'node:module'

// Node keeps compiled code from one run to the next, in the folder for temporary files; it starts a third faster then.
enableCompileCache()
const { runProgram } = await import('./run-program.ts')
await runProgram()
