import { thing } from '../../sql/effects/effect.ts'
import { ident, listName } from '../../sql/names.ts'
import { between } from '../rewrite.ts'
import { found, type Rule } from '../rule.ts'
import { isNew } from '../scene.ts'

export const domainCheckScansTables: Rule = {
  code: 'domain-check-scans-tables',
  finds: 'ALTER DOMAIN … ADD CHECK without NOT VALID, and ALTER DOMAIN … SET NOT NULL.',
  why: 'Every table with a column of the domain is read, under a SHARE lock: nobody can write to any of them.',
  source: 'ALTER DOMAIN, NOT VALID',
  find({ node, text }, scene) {
    if (node === undefined || !('AlterDomainStmt' in node)) return []
    const { subtype, typeName, def } = node.AlterDomainStmt
    const domain = listName(typeName)
    const constraint = def !== undefined && 'Constraint' in def ? def.Constraint : undefined
    if (isNew(scene, thing('type', domain))) return []
    const message = (what: string) =>
      `${what} domain ${domain}, and nobody can write to a table that uses it until all of its rows are checked`
    if (subtype === 'O')
      return [
        found(
          message('forbids NULL in'),
          `add CHECK (VALUE IS NOT NULL) NOT VALID to ${domain}, and validate it in a later migration`,
        ),
      ]
    if (subtype !== 'C' || constraint?.contype !== 'CONSTR_CHECK' || constraint.skip_validation === true) return []
    const name = ident(constraint.conname ?? `${domain.split('.').at(-1)}_check`)
    const check = between(text, 'check', ['not', 'no']) ?? '(…)'
    return [
      found(message('adds a CHECK to'), 'in two steps, each a migration of its own', [
        `ALTER DOMAIN ${domain} ADD CONSTRAINT ${name} CHECK ${check} NOT VALID;`,
        `ALTER DOMAIN ${domain} VALIDATE CONSTRAINT ${name};`,
      ]),
    ]
  },
  examples: {
    finds: [
      "ALTER DOMAIN email ADD CONSTRAINT has_at CHECK (VALUE LIKE '%@%')",
      'ALTER DOMAIN shop.price ADD CHECK (VALUE >= 0)',
      'ALTER DOMAIN email SET NOT NULL',
    ],
    passes: [
      "ALTER DOMAIN email ADD CONSTRAINT has_at CHECK (VALUE LIKE '%@%') NOT VALID",
      "CREATE DOMAIN email AS text; ALTER DOMAIN email ADD CHECK (VALUE LIKE '%@%')",
      "ALTER DOMAIN email SET DEFAULT ''",
      'ALTER DOMAIN email VALIDATE CONSTRAINT has_at',
    ],
  },
}
