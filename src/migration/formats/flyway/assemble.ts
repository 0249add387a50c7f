import { duplicate } from '../../duplicate.ts'
import type { Finding } from '../../finding.ts'
import type { Callback, Migration, ParsedFiles } from '../../migration.ts'
import { compareVersions } from '../../version.ts'
import { callbackOf, sortCallbacks } from './callbacks.ts'
import type { Loaded } from './load.ts'
import type { Resource } from './names.ts'

/** Pairs up and undo scripts by version; what does not fit is a finding. `loaded`: in a fixed order. */
export function assemble(loaded: readonly Loaded[]): ParsedFiles {
  const findings: Finding[] = []
  const kept = new Map<string, Loaded>()
  for (const each of loaded) {
    const key = keyOf(each.resource)
    const other = kept.get(key)
    if (other === undefined) kept.set(key, each)
    else findings.push(twice(other, each))
  }
  const migrations: Migration[] = []
  const baselines: Migration[] = []
  const callbacks: Callback[] = []
  for (const each of kept.values()) {
    const { resource, script } = each
    if (resource.kind === 'callback') {
      const callback = callbackOf(resource, each)
      if ('code' in callback) findings.push(callback)
      else callbacks.push(callback)
    } else if (resource.kind === 'undo') {
      if (!kept.has(`versioned ${resource.version}`)) findings.push(alone(resource.version, script.file))
    } else {
      const list = resource.kind === 'baseline' ? baselines : migrations
      list.push(migrationOf(resource, each, kept))
      if ('version' in resource && resource.version === '0') findings.push(zero(script.file))
    }
  }
  return {
    migrations: migrations.sort(inOrder),
    ...(callbacks.length > 0 && { callbacks: sortCallbacks(callbacks) }),
    ...(baselines.length > 0 && { baselines: baselines.sort(inOrder) }),
    findings,
  }
}

/** Two files of one key contend; folders do not tell them apart. */
function keyOf(resource: Resource): string {
  if ('version' in resource) return `${resource.kind} ${resource.version}`
  return `${resource.kind} ${resource.kind === 'callback' ? resource.event : ''} ${resource.name}`
}

/** Versioned ones by version, behind them the repeatable ones by name, as Java compares text. */
function inOrder(a: Migration, b: Migration): number {
  if (a.kind === 'repeatable' && b.kind === 'repeatable') return a.name < b.name ? -1 : 1
  if (a.kind === 'repeatable' || b.kind === 'repeatable') return a.kind === 'repeatable' ? 1 : -1
  return compareVersions(a.version, b.version)
}

function migrationOf(
  resource: Extract<Resource, { kind: Migration['kind'] }>,
  up: Loaded,
  all: ReadonlyMap<string, Loaded>,
): Migration {
  const version = resource.kind === 'repeatable' ? '' : resource.version
  const down = resource.kind === 'versioned' ? all.get(`undo ${version}`) : undefined
  return {
    kind: resource.kind,
    version,
    name: resource.name,
    up: up.script,
    ...(down && { down: down.script }),
    transaction: { up: up.transaction, down: down?.transaction ?? 'required' },
  }
}

function twice({ script: { file: one } }: Loaded, { resource, script: { file: other } }: Loaded): Finding {
  if ('version' in resource) return duplicate(resource.version, one, other)
  const message = `${one} and ${other} have the same name, and folders do not tell them apart`
  return { code: 'version-duplicate', severity: 'error', file: other, message, fix: 'rename one of them' }
}

const alone = (version: string, file: string): Finding => ({
  code: 'version-invalid',
  severity: 'error',
  version,
  file,
  message: `${file} is an undo script of version ${version}, which has no V script`,
  fix: `add ${file.replace(/U(?=[^/]*$)/, 'V')} or remove ${file}`,
})

/** `--to 0` and a target 0 mean that nothing above it is applied. */
const zero = (file: string): Finding => ({
  code: 'version-invalid',
  severity: 'warning',
  version: '0',
  file,
  message: `${file} is version 0, which is also how an empty schema is written, so a rollout never takes it back`,
  fix: 'number a new one from 1; where it was applied before, lockkeeper down --to none takes it back',
})
