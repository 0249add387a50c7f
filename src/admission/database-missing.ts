import type { Settings } from '../injection/settings.ts'
import { type Finding, remark } from '../migration/finding.ts'
import type { SecretKeys } from './facts.ts'

/** Any of these tells the runner where the database is. */
const sufficient = ['uri', 'url', 'DATABASE_URL', 'host']

/**
 * `database-missing`, a warning only: operators write Secrets late, and the pods wait for them. Nothing is said where
 * nobody let us look.
 */
export function databaseMissing({ database }: Settings, keys: SecretKeys): Finding[] {
  if (database.kind === 'env' || keys === 'unknown') return []
  const { name, key } = database
  const message =
    keys === 'missing'
      ? `Secret ${name} does not exist yet`
      : key !== undefined && !keys.includes(key)
        ? `Secret ${name} has no key ${key}`
        : key === undefined && !sufficient.some((each) => keys.includes(each))
          ? `Secret ${name} has none of the keys ${sufficient.join(', ')}`
          : undefined
  if (message === undefined) return []
  return [remark('database-missing', message, 'create it; the pods wait for it')]
}
