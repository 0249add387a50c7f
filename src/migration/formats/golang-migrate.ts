import { checksumOf } from '../checksum.ts'
import { duplicate } from '../duplicate.ts'
import type { Finding } from '../finding.ts'
import type { Format, Migration, Script, SourceFile } from '../migration.ts'
import { nextNumber, numberOf, titleOf } from '../scaffold.ts'
import { compareVersions, parseVersion } from '../version.ts'

/** `N_name.up.sql` and `N_name.down.sql`, in one folder, with any ending (source/parse.go); the number orders them (`010` is 10). */
const fileName = /^(\d+)_(.*)\.(up|down)\.([^/]*)$/

export const golangMigrate: Format = {
  name: 'golang-migrate',
  example: '000042_add_email.up.sql and 000042_add_email.down.sql',
  historyTable: 'schema_migrations',
  recognises: (file) => fileName.test(file.name),
  owns: (name) => fileName.test(name),
  versionOf: numberOf,
  read,
  missingDown: ({ up }) => `write ${otherSide(up.file, 'down')}`,
  scaffold(highest, name) {
    const next = nextNumber(highest)
    const title = titleOf(name)
    return [
      { name: `${next}_${title}.up.sql`, content: '' },
      { name: `${next}_${title}.down.sql`, content: '' },
    ]
  },
}

function read(files: readonly SourceFile[]): { migrations: Migration[]; findings: Finding[] } {
  const findings: Finding[] = []
  const ups = new Map<string, SourceFile>()
  const downs = new Map<string, SourceFile>()
  for (const file of files) {
    const [, digits = '', , direction] = fileName.exec(file.name) ?? []
    const version = parseVersion(digits)
    if (version === undefined) continue
    const side = direction === 'up' ? ups : downs
    const other = side.get(version)
    if (other === undefined) side.set(version, file)
    else findings.push(duplicate(version, other.name, file.name))
  }
  for (const [version, file] of downs) if (!ups.has(version)) findings.push(alone(version, file.name))
  const migrations = [...ups].map(([version, up]): Migration => {
    const down = downs.get(version)
    return {
      kind: 'versioned',
      version,
      name: fileName.exec(up.name)?.[2] ?? '',
      up: scriptOf(up),
      ...(down && { down: scriptOf(down) }),
      transaction: { up: 'required', down: 'required' },
    }
  })
  return { migrations: migrations.sort((a, b) => compareVersions(a.version, b.version)), findings }
}

const scriptOf = ({ name, text }: SourceFile): Script => ({ file: name, line: 1, text, checksum: checksumOf(text) })

const alone = (version: string, file: string): Finding => ({
  code: 'version-invalid',
  severity: 'error',
  version,
  file,
  message: `${file} is a down script of version ${version}, which has no up script`,
  fix: `add ${otherSide(file, 'up')} or remove ${file}`,
})

const otherSide = (file: string, side: 'up' | 'down') => file.replace(/\.(?:up|down)(?=\.[^.]*$)/, `.${side}`)
