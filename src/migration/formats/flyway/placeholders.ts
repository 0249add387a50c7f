import { DOMAIN } from '../../../contract.ts'
import type { Finding } from '../../finding.ts'
import type { SourceFile } from '../../migration.ts'
import { lineOf } from '../../statements.ts'
import { baseOf } from './names.ts'

/** A script as it is sent, and why it cannot be made. */
export interface Replaced {
  readonly text: string
  readonly findings: readonly Finding[]
}

interface Problem {
  readonly what: string
  readonly fix: string
}

/**
 * Puts values in the place of `${name}`, in any case, in strings, comments and function bodies too; what a value holds
 * is not read again. As in Flyway (PlaceholderReplacingReader) an odd number of `$` right before it hides it, as in
 * `$${"a": 1}$$`; where they would hide a name that has a value, both readings are possible, and it is refused.
 */
export function replacePlaceholders(file: SourceFile, values: Values): Replaced {
  const { text } = file
  const findings = new Map<string, Finding>()
  const say = (offset: number, problem: Problem) => {
    if (!findings.has(problem.what)) findings.set(problem.what, finding(file, offset, problem))
  }
  const parts: string[] = []
  let copied = 0
  const opening = /\$+\{/g
  for (let match = opening.exec(text); match !== null; match = opening.exec(text)) {
    const start = opening.lastIndex - 2
    const end = text.indexOf('}', start)
    const name = text.slice(start + 2, end < 0 ? text.length : end)
    if (match[0].length % 2 === 1) {
      if (end >= 0 && isGiven(name, values)) say(start, bothReadings(name))
      continue
    }
    const found = end < 0 ? neverClosed : lookUp(name, file, values)
    if (typeof found !== 'string') say(start, found)
    if (end < 0) break
    parts.push(text.slice(copied, start), typeof found === 'string' ? found : text.slice(start, end + 1))
    copied = end + 1
    opening.lastIndex = copied
  }
  return { text: [...parts, text.slice(copied)].join(''), findings: [...findings.values()] }
}

type Values = Readonly<Record<string, string>>

/** As their owner wrote them; more than one is an error. */
function keysOf(name: string, values: Values): readonly string[] {
  const known = names.get(values) ?? Map.groupBy(Object.keys(values), (each) => each.toLowerCase())
  names.set(values, known)
  return known.get(name.toLowerCase()) ?? []
}

/** The same values are for every file of a set. */
const names = new WeakMap<Values, ReadonlyMap<string, readonly string[]>>()

const isGiven = (name: string, values: Values) => name.toLowerCase() === fileName || keysOf(name, values).length > 0

const fileName = 'flyway:filename'

/** Where Flyway would take the value from; none of it is the same wherever and whenever a script runs. */
const builtIn: Readonly<Record<string, string>> = {
  defaultschema: 'the configuration of Flyway or the database',
  schemas: 'the configuration of Flyway',
  user: 'the database user',
  database: 'the name of the database',
  timestamp: 'the clock',
  workingdirectory: 'the host',
  table: 'the configuration of Flyway',
  environment: 'the environment',
}

function lookUp(name: string, file: SourceFile, values: Values): string | Problem {
  const small = name.toLowerCase()
  if (small === fileName) return baseOf(file.name)
  const [key, other] = keysOf(name, values)
  const shown = `\${${name.length > 60 ? `${name.slice(0, 60)}…` : name}}`.replace(/\s+/g, ' ')
  if (other !== undefined) {
    return {
      what: `${shown}, which is given as ${key} and as ${other}`,
      fix: 'give it once: their case does not count',
    }
  }
  const value = key === undefined ? undefined : values[key]
  if (value !== undefined && /[\r\n]/.test(value)) {
    const fix = 'give it a value of one line, or write it into the file'
    return { what: `${shown}, whose value has a line break, so that lines would not be those of the file`, fix }
  }
  if (value !== undefined) return value
  const from = small.startsWith('flyway:') ? builtIn[small.slice('flyway:'.length)] : undefined
  const fix = `give it a value: --placeholder ${name.trim()}=VALUE, or the annotation config.${DOMAIN}/placeholders`
  if (from !== undefined) {
    return { what: `${shown}, which Flyway takes from ${from}: what runs would not be what was admitted`, fix }
  }
  const meant = `; if it is meant as it stands: placeholderReplacement=false in ${baseOf(file.name)}.conf`
  return { what: `${shown}, a placeholder without a value`, fix: oneLine(fix) + meant }
}

const neverClosed: Problem = {
  what: `\${ without a } behind it`,
  fix: 'close it; if it is meant as it stands: placeholderReplacement=false in a .conf beside the script',
}

const bothReadings = (name: string): Problem => ({
  what: `$\${${name}}, where ${name} is a placeholder with a value, but the $ before it hides it from Flyway`,
  fix: `write $ \${${name}} for the value, or give no value to ${name} for the text as it stands`,
})

const oneLine = (text: string) => text.replace(/\s+/g, ' ').slice(0, 200)

function finding(file: SourceFile, offset: number, { what, fix }: Problem): Finding {
  const line = lineOf(file.text, offset)
  const message = `${file.name} line ${line} has ${what}`
  return { code: 'source-unreadable', severity: 'error', file: file.name, line, message, fix }
}
