import { cpus, totalmem } from 'node:os'

/** Median, lowest and highest of some figures. */
export function spread(figures: readonly number[], unit: string): string {
  const sorted = [...figures].sort((a, b) => a - b)
  const [low, high] = [sorted[0] ?? 0, sorted.at(-1) ?? 0]
  return `median ${round(percentile(sorted, 50))} ${unit} (${round(low)} to ${round(high)}, ${figures.length} runs)`
}

/** The figure below which so many percent of the others lie. */
export function percentile(figures: readonly number[], percent: number): number {
  const sorted = [...figures].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.ceil((sorted.length * percent) / 100) - 1)] ?? 0
}

const round = (value: number) => (value < 10 ? Math.round(value * 10) / 10 : Math.round(value))

export const machine = (): string =>
  `${cpus()[0]?.model.trim()}, ${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GB, ${process.platform} ${process.arch}, Node ${process.version}`
