/**
 * `name=value` pairs, a line each, or separated by commas where there is only one line. Undefined when a piece is no pair.
 * A value is taken as it stands, without spaces around it.
 */
export function parsePlaceholders(text: string): Readonly<Record<string, string>> | undefined {
  const pieces = (/\n/.test(text.trim()) ? text.split('\n') : text.split(',')).map((piece) => piece.trim())
  const pairs = pieces.filter((piece) => piece !== '').map((piece) => /^([^=\s]+)\s*=\s*(.*)$/s.exec(piece))
  if (pairs.some((pair) => pair === null)) return undefined
  return Object.fromEntries(pairs.flatMap((pair) => (pair === null ? [] : [[pair[1] ?? '', pair[2] ?? '']])))
}
