import type { Finding } from '../../finding.ts'
import type { SourceFile, TransactionMode } from '../../migration.ts'

/** What `FILE.sql.conf` says about `FILE.sql`. */
export interface Conf {
  readonly transaction: TransactionMode
  readonly replacesPlaceholders: boolean
  readonly findings: readonly Finding[]
}

export const noConf: Conf = { transaction: 'required', replacesPlaceholders: true, findings: [] }

type Refusal = readonly [what: string, fix: string]
type Settings = { transaction: TransactionMode; replacesPlaceholders: boolean }

/**
 * Reads a script's settings (SqlScriptMetadata): the lines of a Java properties file, without continued lines and
 * escapes. Flyway expands `${NAME}` from its environment and takes any word but `true` as `false` for
 * `placeholderReplacement`; here both are refused, as is a key that it does not know.
 */
export function readConf({ name: file, text }: SourceFile): Conf {
  const settings: Settings = { transaction: noConf.transaction, replacesPlaceholders: noConf.replacesPlaceholders }
  const findings: Finding[] = []
  const seen = new Set<string>()
  text.split(/\r\n|\r|\n/).forEach((content, index) => {
    const line = content.trim()
    if (line === '' || /^[#!]/.test(line)) return
    const [, key = '', value = ''] = /^([^\s=:]*)\s*[=:\s]?\s*(.*)$/.exec(line) ?? []
    const refused = refusalOf(line) ?? (seen.has(key) ? twice(key) : set(settings, key, value))
    seen.add(key)
    if (refused === undefined) return
    const message = `${file} line ${index + 1} ${refused[0]}`
    findings.push({ code: 'marker-unclear', severity: 'error', file, line: index + 1, message, fix: refused[1] })
  })
  return { ...settings, findings }
}

function refusalOf(line: string): Refusal | undefined {
  if (line.includes('${')) {
    return [
      `has \${…}, which Flyway takes from its environment: what runs would not be what was admitted`,
      'write the value',
    ]
  }
  return line.includes('\\') ? ['has a \\, and continued lines and escapes are not read', 'write one line'] : undefined
}

const twice = (key: string): Refusal => [`says ${key} a second time`, 'keep one of them']

/** Takes a setting over, or says why not. */
function set(settings: Settings, key: string, value: string): Refusal | undefined {
  switch (key) {
    case 'executeInTransaction':
      if (!isBoolean(value)) return noBoolean(key, value)
      settings.transaction = value === 'true' ? 'required' : 'none'
      return undefined
    case 'placeholderReplacement':
      if (!isBoolean(value)) return noBoolean(key, value)
      settings.replacesPlaceholders = value === 'true'
      return undefined
    case 'encoding':
      if (/^utf-?8$/i.test(value)) return undefined
      return [`sets the encoding ${value}, and only UTF-8 is read`, 'save the script as UTF-8 and remove the line']
    case 'shouldExecute':
      if (value === 'true') return undefined
      return [
        `makes the script depend on "${value}": what runs would not be what was admitted`,
        'remove the line, and write the condition into the script (a DO block with IF)',
      ]
    default:
      return [
        `sets ${key === '' ? 'nothing' : key}, which is no setting of a script`,
        'keep executeInTransaction, placeholderReplacement, encoding, shouldExecute',
      ]
  }
}

const isBoolean = (value: string) => value === 'true' || value === 'false'
const noBoolean = (key: string, value: string): Refusal => [
  `sets ${key} to "${value}"`,
  `write ${key}=true or ${key}=false`,
]
