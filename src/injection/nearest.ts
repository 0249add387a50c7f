/** The known word that a mistyped one is nearest to. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  let best: { word: string; distance: number } | undefined
  for (const each of known) {
    const distance = editDistance(word, each)
    if (best === undefined || distance < best.distance) best = { word: each, distance }
  }
  return best?.word
}

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
