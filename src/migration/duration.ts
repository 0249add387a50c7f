const units = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 } as const

/** `500ms`, `30s`, `10m` or `1h` to milliseconds; undefined when the text is no duration. */
export function parseDuration(text: string): number | undefined {
  const found = /^(\d{1,9})(ms|s|m|h)$/.exec(text)
  if (found === null) return undefined
  return Number(found[1]) * units[found[2] as keyof typeof units]
}

/** Milliseconds as a person writes them, in the largest unit that loses nothing. */
export function formatDuration(ms: number): string {
  for (const unit of ['h', 'm', 's'] as const) {
    if (ms >= units[unit] && ms % units[unit] === 0) return `${ms / units[unit]}${unit}`
  }
  return `${Math.round(ms)}ms`
}
