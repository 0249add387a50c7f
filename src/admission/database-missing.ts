import { DATABASE_SECRET, INTENT } from '../contract.ts'
import type { Settings } from '../injection/settings.ts'
import { type Finding, remark } from '../migration/finding.ts'
import type { SecretKeys } from './facts.ts'

/** Any of these tells the runner where the database is. */
const sufficient: readonly string[] = [...DATABASE_SECRET.uri, ...DATABASE_SECRET.host]
const passwords: readonly string[] = [...DATABASE_SECRET.password, ...DATABASE_SECRET.postgresPassword]

/**
 * `database-missing`, a warning only: operators write Secrets late, and the pods wait for them. Nothing is said where
 * nobody let us look.
 */
export function databaseMissing({ database }: Settings, keys: SecretKeys): Finding[] {
  if (database.kind === 'env' || keys === 'unknown') return []
  const { name, key } = database
  if (keys === 'missing') return [missing(`Secret ${name} does not exist yet`)]
  if (key !== undefined) return keys.includes(key) ? [] : [missing(`Secret ${name} has no key ${key}`)]
  if (sufficient.some((each) => keys.includes(each))) return []
  const what = `Secret ${name} has none of the keys ${sufficient.join(', ')}`
  // Zalando's operator and Bitnami's chart write who, not where; no later key will come.
  return passwords.some((each) => keys.includes(each)) ? [withoutHost(what)] : [missing(what)]
}

const missing = (what: string) => remark('database-missing', what, 'create it; the pods wait for it')

const withoutHost = (what: string) =>
  remark(
    'database-missing',
    what,
    `make the URL in env of a container and set ${INTENT.database}: env/CONTAINER:NAME (docs/database.md)`,
  )
