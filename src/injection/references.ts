import { INTENT } from '../contract.ts'
import type { Finding } from '../migration/finding.ts'
import { invalid, later } from './annotation-findings.ts'

/** Where the runner finds the database. */
export type DatabaseRef =
  | { readonly kind: 'secret'; readonly name: string; readonly key: string | undefined }
  | { readonly kind: 'env'; readonly container: string; readonly name: string }

/** A name of Kubernetes (RFC 1123, subdomain). */
export const name = /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/

/** The ConfigMaps that `migrations` names. */
export function readMigrationsRef(value: string | undefined, findings: Finding[]): readonly string[] | undefined {
  const key = INTENT.migrations
  if (value === undefined) {
    findings.push(invalid(key, value, 'name the ConfigMap with the migration files: configmap/NAME'))
    return undefined
  }
  if (/^(image|container)\//.test(value)) {
    findings.push(later(key, value))
    return undefined
  }
  const names = value.replace(/^configmap\//, '').split(',')
  if (names.every((each) => name.test(each)) && new Set(names).size === names.length) return names
  findings.push(invalid(key, value, 'write configmap/NAME or configmap/NAME,NAME'))
  return undefined
}

/** The Secret or environment that `database` names. */
export function readDatabaseRef(value: string | undefined, findings: Finding[]): DatabaseRef | undefined {
  const secret = /^secret\/([^#/]+)(?:#([-._a-zA-Z0-9]+))?$/.exec(value ?? '')
  if (secret?.[1] !== undefined && name.test(secret[1])) return { kind: 'secret', name: secret[1], key: secret[2] }
  const env = /^env\/([^:/]+):([A-Za-z_][\w.-]*)$/.exec(value ?? '')
  if (env?.[1] !== undefined && env[2] !== undefined) return { kind: 'env', container: env[1], name: env[2] }
  findings.push(invalid(INTENT.database, value, 'write secret/NAME#KEY, secret/NAME or env/CONTAINER:NAME'))
  return undefined
}
