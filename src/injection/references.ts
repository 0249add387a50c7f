import { INTENT } from '../contract.ts'
import { LIMITS } from '../limits.ts'
import type { Finding } from '../migration/finding.ts'
import { invalid } from './annotation-findings.ts'

/** Where the migration files are: in ConfigMaps, in an image, or in the image of one of the pod's own containers. */
export type FilesRef =
  | { readonly kind: 'configmap'; readonly names: readonly string[] }
  | { readonly kind: 'image'; readonly image: string; readonly path: string }
  | { readonly kind: 'container'; readonly container: string; readonly path: string }

/** Where the runner finds the database. */
export type DatabaseRef =
  | { readonly kind: 'secret'; readonly name: string; readonly key: string | undefined }
  | { readonly kind: 'env'; readonly container: string; readonly name: string }

/** A name of Kubernetes (RFC 1123, subdomain). */
export const name = /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/

/** Folder in an image whose reference names none. */
const DEFAULT_PATH = '/migrations'

/** An image reference ends where `:/` begins a path: a port is followed by digits, a tag by no slash. */
const image = /^image\/([a-zA-Z0-9][-\w./:@]{0,499}?)(?::(\/.*))?$/s
const container = /^container\/([^:/]+):(\/.*)$/s
/** Kubernetes would expand a `$` in the command that copies; `..` could leave the image. */
const path = /^(?!.*\/\.\.(?:\/|$))\/[^\s\p{Cc}$]{0,1023}$/u

const forms = 'write configmap/NAME, configmap/NAME,NAME, image/REFERENCE:/PATH or container/NAME:/PATH'

/** The files that `migrations` names. */
export function readFilesRef(value: string | undefined, findings: Finding[]): FilesRef | undefined {
  const key = INTENT.migrations
  if (value === undefined) {
    findings.push(invalid(key, value, 'name the ConfigMap with the migration files: configmap/NAME'))
    return undefined
  }
  const [, reference, inImage = DEFAULT_PATH] = image.exec(value) ?? []
  if (reference !== undefined && path.test(inImage)) return { kind: 'image', image: reference, path: inImage }
  const [, owner = '', inContainer = ''] = container.exec(value) ?? []
  if (name.test(owner) && path.test(inContainer)) return { kind: 'container', container: owner, path: inContainer }
  const names = value.replace(/^configmap\//, '').split(',')
  const once = new Set(names).size === names.length && names.length <= LIMITS.configMaps.value
  if (once && names.every((each) => name.test(each))) return { kind: 'configmap', names }
  findings.push(invalid(key, value, forms))
  return undefined
}

/** The ConfigMap that `catalogue` names. */
export function readCatalogueRef(value: string | undefined, findings: Finding[]): string | undefined {
  const found = value?.replace(/^configmap\//, '')
  if (found === undefined || name.test(found)) return found
  findings.push(invalid(INTENT.catalogue, value, 'write configmap/NAME'))
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
