import type { Migration } from '../migration/migration.ts'
import type { Compatibility } from '../safety/compatibility/compatibility.ts'
import type { Floors } from '../safety/compatibility/floors.ts'

/** What a step up means for the code that was written for the schema before it, for `plan`. */
export interface PlannedCompatibility {
  /** See `Migration.floor`; null: unknown. */
  readonly floor: string | null
  readonly verdict: Compatibility['verdict']
  /** Why, where it is not known to work. */
  readonly reasons: readonly { readonly line: number; readonly text: string }[]
}

export function plannedCompatibility({ version }: Migration, floors: Floors): PlannedCompatibility {
  const known = floors.of(version)
  const { verdict, reasons } = known?.up ?? { verdict: 'unknown', reasons: [] }
  return {
    floor: known?.floor ?? null,
    verdict,
    reasons: reasons
      .filter((each) => verdict !== 'works' && each.verdict === verdict)
      .map(({ line, text }) => ({ line, text })),
  }
}

const verdicts = {
  works: 'code of the release before works on it',
  breaks: 'breaks code of the release before',
  unknown: 'is not known to suit code of the release before',
} as const

export const describeCompatibility = ({ verdict, reasons }: PlannedCompatibility): string[] => [
  `  ${verdicts[verdict]}${reasons.length === 0 ? '' : ':'}`,
  ...reasons.map(({ line, text }) => `      line ${line}: ${text}`),
]
