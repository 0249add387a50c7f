/**
 * What moves a terminal's cursor, breaks a line or turns the reading direction: control characters (C0, DEL, C1), line
 * and paragraph separators, bidirectional controls. A server's message, an annotation or a file name may hold any of them.
 */
const unprintable = /[\p{Cc}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]+/gu

/** Text of others as one line that is safe to show to a person, in a terminal or a message. */
export const sanitize = (text: string): string => text.toWellFormed().replace(unprintable, ' ')

/** The same for a text of several lines, which keeps its line ends and tabs. */
export const sanitizeLines = (text: string): string =>
  text
    .toWellFormed()
    .replaceAll('\r\n', '\n')
    .replace(unprintable, (found) => found.replace(/[^\n\t]+/g, ' '))

/**
 * A value as JSON that is safe in a terminal and says the same. JSON escapes C0 by itself; the others can stand only in its
 * strings, where an escape means the same (RFC 8259, section 7).
 */
export const safeJson = (value: unknown, indent?: number): string =>
  JSON.stringify(value, null, indent).replace(
    inJson,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )

const inJson = /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g
