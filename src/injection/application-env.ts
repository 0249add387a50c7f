import { APPLICATION_ENV_PREFIX, ENV } from '../contract.ts'
import type { Container, EnvEntry, JsonObject, Workload } from './workload.ts'

/** What the runner's container takes over of an application's environment, to have one of its variables. */
export interface ApplicationEnv {
  readonly env: readonly EnvEntry[]
  readonly envFrom: readonly JsonObject[]
}

/** An entry of `envFrom`: every key of a ConfigMap or Secret, behind a prefix. */
type EnvSource = JsonObject & { readonly prefix?: string }
type Variables = Container & { readonly envFrom?: readonly EnvSource[] }

/**
 * A container's variable under our name, with what its `$(OTHER)` name; undefined when nothing can have it. Kubernetes'
 * rules (kubelet, makeEnvironmentVariables): `env` beats `envFrom`, a later entry an earlier one, and `$(OTHER)` is what
 * OTHER is at that place in the list. What may come from `envFrom` only the kubelet knows, which reads the Secrets: so
 * those entries of `envFrom` are copied in their order, and it chooses for us as it does for the application.
 */
export function applicationEnv(workload: Workload, container: string, name: string): ApplicationEnv | undefined {
  const found: Variables | undefined = workload.spec.template.spec.containers.find((each) => each.name === container)
  const env = found?.env ?? []
  const sources = found?.envFrom ?? []
  const entries = new Set<number>()
  const elsewhere = new Set<string>()
  const before = (variable: string, place: number) =>
    env.findLastIndex((entry, at) => at < place && entry.name === variable)
  const inSources = (variable: string) => sources.some(({ prefix = '' }) => variable.startsWith(prefix))
  const collect = (variable: string, place: number) => {
    const at = before(variable, place)
    if (at < 0 && inSources(variable)) elsewhere.add(variable)
    if (at < 0 || entries.has(at)) return
    entries.add(at)
    for (const other of namesIn(env[at]?.value ?? '')) collect(other, at)
  }
  collect(name, env.length)
  if (entries.size === 0 && elsewhere.size === 0) return undefined

  const wanted = before(name, env.length)
  const renamed = (text: string, place: number) =>
    replaceNames(text, (other) =>
      before(other, place) < 0 && elsewhere.has(other) ? `${APPLICATION_ENV_PREFIX}${other}` : other,
    )
  const copies = [...entries]
    .sort((a, b) => a - b)
    .map((at): EnvEntry => {
      const entry = env[at] as EnvEntry
      const value = entry.value === undefined ? {} : { value: renamed(entry.value, at) }
      return { ...entry, ...value, ...(at === wanted && { name: ENV.databaseUrl }) }
    })
  return {
    env: wanted < 0 ? [{ name: ENV.databaseUrl, value: `$(${APPLICATION_ENV_PREFIX}${name})` }] : copies,
    envFrom: sources
      .filter(({ prefix = '' }) => [...elsewhere].some((variable) => variable.startsWith(prefix)))
      .map((source) => ({ ...source, prefix: `${APPLICATION_ENV_PREFIX}${source.prefix ?? ''}` })),
  }
}

/** `$(NAME)` in a value; `$$` is a `$` that begins none (Kubernetes, dependent environment variables). */
const reference = /\$\$|\$\(([^)]*)\)/g

const namesIn = (value: string): string[] => [...value.matchAll(reference)].flatMap(([, name]) => name ?? [])

const replaceNames = (value: string, to: (name: string) => string): string =>
  value.replace(reference, (whole: string, name: string | undefined) => (name === undefined ? whole : `$(${to(name)})`))
