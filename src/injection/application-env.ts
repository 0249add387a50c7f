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
  const places = Map.groupBy(env.keys(), (at) => env[at]?.name ?? '')
  const prefixes = new Set(sources.map(({ prefix = '' }) => prefix))
  const longest = [...prefixes].reduce((most, { length }) => Math.max(most, Math.min(length, LONGEST_PREFIX)), 0)
  const entries = new Set<number>()
  const elsewhere = new Set<string>()
  /** Prefixes of sources that a variable may come from. */
  const wantedPrefixes = new Set<string>()
  const before = (variable: string, place: number) => lastBelow(places.get(variable) ?? [], place)
  const fromSources = (variable: string): string[] =>
    Array.from({ length: Math.min(longest, variable.length) + 1 }, (_, length) => variable.slice(0, length)).filter(
      (prefix) => prefixes.has(prefix),
    )
  const open: [variable: string, place: number][] = [[name, env.length]]
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const [variable, place] = next
    const at = before(variable, place)
    const found = at < 0 && !elsewhere.has(variable) ? fromSources(variable) : []
    if (found.length > 0) elsewhere.add(variable)
    for (const prefix of found) wantedPrefixes.add(prefix)
    if (at < 0 || entries.has(at)) continue
    entries.add(at)
    for (const other of namesIn(env[at]?.value ?? '')) open.push([other, at])
  }
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
      .filter(({ prefix = '' }) => wantedPrefixes.has(prefix))
      .map((source) => ({ ...source, prefix: `${APPLICATION_ENV_PREFIX}${source.prefix ?? ''}` })),
  }
}

/** Characters; the beginnings of every variable are looked up, and no prefix of people is as long. */
const LONGEST_PREFIX = 128

/** The last of growing numbers that is below another, or -1. */
function lastBelow(numbers: readonly number[], bound: number): number {
  let [low, high] = [0, numbers.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((numbers[middle] ?? 0) < bound) low = middle + 1
    else high = middle
  }
  return numbers[low - 1] ?? -1
}

/** `$(NAME)` in a value; `$$` is a `$` that begins none (Kubernetes, dependent environment variables). */
const reference = /\$\$|\$\(([^)]*)\)/g

const namesIn = (value: string): string[] => [...value.matchAll(reference)].flatMap(([, name]) => name ?? [])

const replaceNames = (value: string, to: (name: string) => string): string =>
  value.replace(reference, (whole: string, name: string | undefined) => (name === undefined ? whole : `$(${to(name)})`))
