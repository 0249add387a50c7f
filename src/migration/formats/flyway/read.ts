import type { Finding } from '../../finding.ts'
import type { FormatOptions, ParsedFiles, SourceFile } from '../../migration.ts'
import { assemble } from './assemble.ts'
import { type Loaded, load } from './load.ts'
import { isConf, parseName } from './names.ts'

/** Flyway's files to migrations. The order in which they are given does not matter. */
export function readFlyway(files: readonly SourceFile[], options: FormatOptions): ParsedFiles {
  const sorted = [...files].sort((a, b) => (a.name === b.name ? 0 : a.name < b.name ? -1 : 1))
  const findings: Finding[] = []
  const confs = new Map<string, SourceFile>()
  for (const file of sorted) {
    if (!isConf(file.name)) continue
    if (confs.has(file.name)) findings.push(givenTwice(file.name))
    confs.set(file.name, file)
  }
  const loaded: Loaded[] = []
  for (const file of sorted) {
    if (isConf(file.name)) continue
    const conf = confs.get(`${file.name}.conf`)
    const resource = parseName(file.name)
    if (resource.kind === 'misnamed') findings.push(misnamed(file.name, resource.what, resource.fix))
    else loaded.push(load(file, resource, conf, options))
  }
  const names = new Set(sorted.map(({ name }) => `${name}.conf`))
  for (const name of confs.keys()) if (!names.has(name)) findings.push(orphan(name))
  const parsed = assemble(loaded)
  return { ...parsed, findings: [...findings, ...loaded.flatMap((each) => each.findings), ...parsed.findings] }
}

const misnamed = (file: string, what: string, fix: string): Finding => ({
  code: 'version-invalid',
  severity: 'error',
  file,
  message: `${file} ${what}`,
  fix,
})

const settings = (file: string, message: string, fix: string): Finding => ({
  code: 'marker-unclear',
  severity: 'error',
  file,
  line: 1,
  message,
  fix,
})

const orphan = (conf: string): Finding =>
  settings(
    conf,
    `${conf} is for ${conf.replace(/\.conf$/i, '')}, which is not there or is written otherwise`,
    'name it as its script is named, with .conf behind it, or remove it',
  )

/** Two ConfigMaps may hold the same key. */
const givenTwice = (conf: string): Finding =>
  settings(conf, `${conf} is given twice, and which one counts cannot be told`, 'keep one of them')
