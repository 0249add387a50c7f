import type { Format } from '../migration.ts'
import { titleOf } from '../scaffold.ts'
import { isConf, isNamedForFlyway, isOfFlyway, isProgram, isSql, looksLikeFlyway, versionOf } from './flyway/names.ts'
import { readFlyway } from './flyway/read.ts'

/**
 * Flyway: `V<version>__name.sql` with `U<version>__name.sql` to undo it, `R__name.sql`, `B<version>__name.sql`,
 * callbacks and `FILE.sql.conf`, in a folder and its subfolders (the rules: ResourceNameParser, MigrationVersion).
 */
export const flyway: Format = {
  name: 'flyway',
  example: 'V42__add_email.sql and U42__add_email.sql',
  historyTable: 'flyway_schema_history',
  recurses: true,
  recognises: ({ name }) => isOfFlyway(name),
  // Below a subfolder nobody else looks, so every SQL file there is either Flyway's or misnamed.
  versionOf,
  isNamed: isNamedForFlyway,
  owns: (name) => isConf(name) || isProgram(name) || looksLikeFlyway(name) || (isSql(name) && name.includes('/')),
  read: readFlyway,
  missingDown: ({ up }) => `write ${up.file.replace(/V(?=[^/]*$)/, 'U')}`,
  scaffold(highest, name) {
    const next = BigInt(highest?.split('.')[0] || '0') + 1n
    const title = titleOf(name)
    return [
      { name: `V${next}__${title}.sql`, content: '' },
      { name: `U${next}__${title}.sql`, content: '' },
    ]
  },
}
