import type { Migration } from './migration.ts'
import { compareVersions, highestVersion } from './version.ts'

/** What takes the live schema to a target, or why nothing does. */
export type Plan =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'up'; readonly steps: readonly Migration[] }
  | { readonly kind: 'impossible'; readonly message: string; readonly fix: string }

/** The steps up to a target (default: the highest there is), lowest first. Repeatable migrations are not among them. */
export function planUp(
  migrations: readonly Migration[],
  applied: readonly string[],
  target: string | undefined,
  outOfOrder = false,
): Plan {
  const versioned = migrations.filter(({ kind }) => kind !== 'repeatable')
  const goal = target ?? highestVersion(versioned.map(({ version }) => version)) ?? '0'
  if (goal !== '0' && !versioned.some(({ version }) => version === goal) && !applied.includes(goal)) {
    return { kind: 'impossible', message: `there is no migration ${goal}`, fix: 'name a version that the files hold' }
  }
  const steps = versioned.filter(({ version }) => compareVersions(version, goal) <= 0 && !applied.includes(version))
  const top = highestVersion(applied)
  const late = steps.filter(({ version }) => top !== undefined && compareVersions(version, top) < 0)
  if (late.length > 0 && !outOfOrder) {
    const names = late.map(({ version }) => version).join(', ')
    return {
      kind: 'impossible',
      message: `version ${names} was never applied, but ${top} above it was`,
      fix: 'give it the next free number, or allow it with --out-of-order',
    }
  }
  return steps.length === 0 ? { kind: 'nothing' } : { kind: 'up', steps }
}
