import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { LIMITS, type Limit } from '../../src/limits.ts'

export const LIMITS_PAGE = join(import.meta.dirname, '../../docs/limits.md')

const head = `# Limits

<!-- Made by \`node test/tools/limits-page.ts\` from src/limits.ts. -->

What somebody else writes is counted against these before it is worked on. Whoever writes more is told the bound, what was
found, and how to stay below it; other namespaces go on meanwhile. None of them is a setting.

| what | at most | above it | why |
|---|---|---|---|
`

/** What `docs/limits.md` has to hold. */
export const limitsPage = (): string => head + Object.values<Limit>(LIMITS).map(row).join('')

const row = ({ bounds, value, unit, above, why }: Limit) =>
  `| ${bounds} | ${shown(value, unit)} | ${above} | ${why} |\n`

function shown(value: number, unit: Limit['unit']): string {
  const counted = (amount: number) => amount.toLocaleString('en-US')
  if (unit === 'bytes') return value >= 1024 ** 2 ? `${value / 1024 ** 2} MiB` : `${value / 1024} KiB`
  if (unit === 'ms') return value >= 1000 ? `${value / 1000} s` : `${value} ms`
  return unit === '' ? counted(value) : `${counted(value)} ${unit}`
}

if (import.meta.main) writeFileSync(LIMITS_PAGE, limitsPage())
