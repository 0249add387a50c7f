/** Under which key the history and a digest know a repeatable migration; no version looks like it. */
export const repeatableKey = (name: string): string => `${prefix}${name}`

/** The name behind such a key, or undefined for a version. */
export const repeatableName = (key: string): string | undefined =>
  key.startsWith(prefix) ? key.slice(prefix.length) : undefined

const prefix = 'R:'
