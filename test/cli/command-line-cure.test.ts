import { expect, test } from 'vitest'
import { commandLineCure } from '../../src/cli/command-line-cure.ts'

test.each([
  [
    'give it the next free number, or set config.lockkeeper.dev/out-of-order: "true"',
    'give it the next free number, or use --out-of-order',
  ],
  ['raise config.lockkeeper.dev/deadline', 'raise --deadline'],
  ['see the role of the annotation config.lockkeeper.dev/role', 'see the role of --role'],
  [
    'say which version it has: lockkeeper adopt --at VERSION, or the annotation config.lockkeeper.dev/adopt-at (0: none of them)',
    'say which version it has: lockkeeper adopt --at VERSION (0: none of them)',
  ],
  ['give the run its name with --role or config.lockkeeper.dev/role', 'give the run its name with --role'],
  [
    'name a schema, as --history-schema lockkeeper (annotation config.lockkeeper.dev/history-schema)',
    'name a schema, as --history-schema lockkeeper',
  ],
  ['write the old text back', 'write the old text back'],
])('%s', (fix, expected) => expect(commandLineCure(fix)).toBe(expected))
