/** More letters have to be those of the known word than not. */
const FAR = 0.34
/** A longer word is no slip of the hand, and comparing takes the product of both lengths. */
const MAX_LENGTH = 100

/**
 * The known word that a mistyped one is nearest to, or undefined where none is near. Keys are compared by what stands
 * behind their domain, which all of them share; of two that are equally near the one of the nearer domain.
 */
export function nearest(word: string, known: readonly string[]): string | undefined {
  if (word.length > MAX_LENGTH) return undefined
  const typed = nameIn(word)
  let best: { word: string; distance: number; whole: number } | undefined
  for (const each of known) {
    const name = nameIn(each)
    const distance = editDistance(typed, name)
    if (distance > Math.max(typed.length, name.length) * FAR || distance > (best?.distance ?? Infinity)) continue
    const whole = editDistance(word, each)
    if (best === undefined || distance < best.distance || whole < best.whole) best = { word: each, distance, whole }
  }
  return best?.word
}

const nameIn = (key: string) => key.slice(key.lastIndexOf('/') + 1)

/** Levenshtein's distance: how many letters to insert, remove or replace. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const replace = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, replace))
    }
    row = next
  }
  return row[b.length] ?? 0
}
