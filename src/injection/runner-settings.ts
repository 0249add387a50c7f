import { CONFIG, ENV } from '../contract.ts'
import { LIMITS } from '../limits.ts'
import { parseDuration } from '../migration/duration.ts'
import type { Finding } from '../migration/finding.ts'
import { parsePlaceholders } from '../migration/formats/placeholder-list.ts'
import { parseVersion } from '../migration/version.ts'
import { invalid } from './annotation-findings.ts'

/** Annotation key to variable and check. */
const passed: readonly [key: string, variable: string, ok: (value: string) => boolean, fix: string][] = [
  [CONFIG.lockTimeout, ENV.lockTimeout, isDuration, 'write a duration like 500ms'],
  [CONFIG.statementTimeout, ENV.statementTimeout, isDuration, 'write a duration like 30s'],
  [CONFIG.deadline, ENV.deadline, isDuration, 'write a duration like 10m'],
  [CONFIG.holdGrace, ENV.holdGrace, isDuration, 'write a duration like 60s'],
  [CONFIG.outOfOrder, ENV.outOfOrder, isBoolean, 'write "true" or "false"'],
  [CONFIG.adoptAt, ENV.adoptAt, isVersion, 'write a version like 42, or 0'],
  [CONFIG.historySchema, ENV.historySchema, (value) => /^[^\0]{1,63}$/.test(value), 'write the name of a schema'],
  [CONFIG.historyReaders, ENV.historyReaders, (value) => value.trim() !== '', 'write role names, separated by commas'],
  [CONFIG.role, ENV.role, (value) => value.trim() !== '', 'write the name of a role'],
  [
    CONFIG.placeholders,
    ENV.placeholders,
    (value) => Object.keys(parsePlaceholders(value) ?? tooMany).length <= LIMITS.placeholders.value,
    `write name=value, a line each or separated by commas, and at most ${LIMITS.placeholders.value} of them`,
  ],
]

const tooMany = Array.from({ length: LIMITS.placeholders.value + 1 })

function isDuration(value: string): boolean {
  return parseDuration(value) !== undefined
}
function isBoolean(value: string): boolean {
  return value === 'true' || value === 'false'
}
function isVersion(value: string): boolean {
  return parseVersion(value) !== undefined
}

/** Settings that go to the runner as they are, by the variable that it reads them from. */
export function readRunnerSettings(
  get: (key: string) => string | undefined,
  findings: Finding[],
): Readonly<Record<string, string>> {
  const runner: Record<string, string> = {}
  for (const [key, variable, ok, fix] of passed) {
    const value = get(key)
    if (value === undefined) continue
    if (ok(value)) runner[variable] = value
    else findings.push(invalid(key, value, fix))
  }
  return runner
}
