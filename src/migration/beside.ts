import type { Finding } from './finding.ts'
import type { Format, Migration, SourceFile } from './migration.ts'

/** What is in the folder and is not read as a migration. */
export interface Beside {
  /** Its own migrations: SQL that the format owns. */
  readonly own: readonly SourceFile[]
  /** Programs that are named as migrations, with the version where the name has one. */
  readonly programs: readonly { readonly name: string; readonly version: string | undefined }[]
  /** SQL under a name that the format does not know. */
  readonly strays: readonly string[]
  /** Anything else: texts about the migrations, backups of editors, data. */
  readonly passedOver: readonly string[]
}

/** Programs that tools run, or are built with, beside SQL: nothing of it is text for PostgreSQL. */
const program =
  /\.(?:go|java|class|kt|kts|groovy|scala|clj|js|mjs|cjs|ts|py|rb|php|pl|cs|rs|ex|exs|sh|bash|ps1|bat|cmd|exe)$/i
/** Tests in Go, which no tool takes for a migration. */
const test = /_test\.go$/i
/** SQL, as editors and generators name it. */
const sql = /\.(?:sql|pgsql|psql|plpgsql|ddl|dml)$/i
/** What lies beside code everywhere, and copies that editors and merges leave. */
const aside =
  /(?:~|#|\.(?:bak|backup|orig|rej|old|save|sw[a-z]|tmp|md|txt|rst|adoc|html?|csv|tsv|json|ya?ml|toml|conf|properties|sum|mod|lock|png|svg|gz|zip))$/i

/** Sorts the files of a folder. A name with `/` is in a subfolder, which counts only where the format looks there. */
export function sortFiles(sources: readonly SourceFile[], format: Format): Beside {
  const own: SourceFile[] = []
  const programs: { name: string; version: string | undefined }[] = []
  const strays: string[] = []
  const passedOver: string[] = []
  for (const file of sources) {
    const { name } = file
    const below = name.includes('/') && format.recurses !== true
    const version = below ? undefined : format.versionOf(name)
    if (program.test(name) && !below && !test.test(name) && (version !== undefined || format.owns(name))) {
      programs.push({ name, version })
    } else if (!below && format.owns(name)) own.push(file)
    else if (!name.includes('/') && (sql.test(name) || (format.isNamed?.(name) === true && !aside.test(name)))) {
      strays.push(name)
    } else passedOver.push(name)
  }
  return { own, programs, strays, passedOver }
}

/**
 * A migration that is not SQL is an error, since the versions behind it would run past it, unless an SQL file of its
 * version says that it is done elsewhere.
 */
export function programFindings(
  programs: Beside['programs'],
  migrations: readonly Migration[],
  format: Format,
): Finding[] {
  const elsewhere = new Set(migrations.filter((each) => each.elsewhere === true).map(({ version }) => version))
  return programs.flatMap(({ name, version }): Finding[] => {
    if (version !== undefined && elsewhere.has(version)) return []
    const code = format.name === 'flyway' ? 'version-invalid' : 'source-unreadable' // As each said it from the first.
    const message = `${name} is a migration, but no SQL, so Lockkeeper cannot run it; without it the others would run past it`
    const rewritten = `write it as ${name.slice(name.lastIndexOf('/') + 1).replace(/\.[^.]*$/, '.sql')}`
    if (version === undefined) return [{ code, severity: 'error', file: name, message, fix: rewritten }]
    const fix = `${rewritten}; or, if it is run elsewhere, add an SQL file of version ${version} that holds nothing but \`-- lockkeeper: elsewhere REASON\``
    return [{ code, severity: 'error', version, file: name, message, fix }]
  })
}

/** SQL that would be left out without a word. */
export const strayFinding = (name: string, format: Format): Finding => ({
  code: 'version-invalid',
  severity: 'error',
  file: name,
  message: `${name} is not named as a migration of the format ${format.name}`,
  fix: `name it like ${format.example}, or move it away`,
})
