import { type Finding, refusal } from './finding.ts'
import type { RawFile, SourceFile } from './migration.ts'

export interface DecodedSource {
  readonly source: SourceFile
  /** Why the text is not the file's: something in it is replaced. */
  readonly finding?: Finding
}

/** A file as text: UTF-8, BOM removed. Of anything else a finding names the line of the first bad byte. */
export function decodeSource({ name, content }: RawFile): DecodedSource {
  if (typeof content === 'string') return checked(name, content)
  const bytes = bytesOf(content)
  try {
    return checked(name, new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    const finding = unreadable(name, lineAt(bytes, firstInvalid(bytes)), 'is not UTF-8')
    return { source: replaced(name, bytes.toString('utf8')), finding }
  }
}

/** Half of a character beyond the BMP, which JSON can hold and UTF-8 cannot, becomes what every encoder makes of it. */
function checked(name: string, content: string): DecodedSource {
  const zero = content.indexOf('\0')
  const source = replaced(name, content)
  if (zero < 0) return { source }
  const line = content.slice(0, zero).split('\n').length
  return { source, finding: unreadable(name, line, 'holds a NUL byte, which SQL text cannot') }
}

const replaced = (name: string, content: string): SourceFile => ({
  name,
  text: content
    .toWellFormed()
    .replace(/^\uFEFF/, '')
    .replaceAll('\0', '\uFFFD'),
})

/** A view, no copy: files may be of many megabytes. */
const bytesOf = ({ buffer, byteOffset, byteLength }: Uint8Array) => Buffer.from(buffer, byteOffset, byteLength)

const unreadable = (file: string, line: number, what: string): Finding => ({
  code: 'source-unreadable',
  severity: 'error',
  file,
  line,
  message: `${file} ${what} (line ${line})`,
  fix: `save ${file} as UTF-8 text`,
})

const lineAt = (bytes: Buffer, offset: number) => bytes.subarray(0, offset).toString('latin1').split('\n').length

/** Decoding with replacement and encoding again first differs where the bytes stop being UTF-8. */
function firstInvalid(bytes: Buffer): number {
  const back = Buffer.from(bytes.toString('utf8'), 'utf8')
  let at = 0
  while (at < bytes.length && bytes[at] === back[at]) at++
  return at
}

/** A ConfigMap as the API and a manifest have it. */
export interface ConfigMapLike {
  readonly metadata?: { readonly name?: string }
  readonly data?: Readonly<Record<string, string>>
  /** Base64: what kubectl makes of a file that is not UTF-8. */
  readonly binaryData?: Readonly<Record<string, string>>
}

/** A key is a file name; `_` may stand in it for what a key cannot hold, which the formats read all the same. */
export const filesOf = ({ data, binaryData }: ConfigMapLike): RawFile[] => [
  ...Object.entries(data ?? {}).map(([name, content]) => ({ name, content })),
  ...Object.entries(binaryData ?? {}).map(([name, content]) => ({ name, content: Buffer.from(content, 'base64') })),
]

/** The files of one ConfigMap. */
export interface ConfigMapFiles {
  readonly configMap: string
  readonly files: readonly RawFile[]
}

/**
 * Files of several ConfigMaps as the one folder that a pod mounts. Of a name that two of them have the first one's file
 * counts, there as here, and the other is a finding.
 */
export function mergeFiles(maps: readonly ConfigMapFiles[]): {
  merged: readonly ConfigMapFiles[]
  findings: readonly Finding[]
} {
  const owners = new Map<string, string>()
  const findings: Finding[] = []
  const merged = maps.map(({ configMap, files }) => ({
    configMap,
    files: files.filter(({ name }) => {
      const owner = owners.get(name)
      if (owner === undefined) owners.set(name, configMap)
      else findings.push(inBoth(name, owner, configMap))
      return owner === undefined
    }),
  }))
  return { merged, findings }
}

const inBoth = (name: string, one: string, other: string): Finding => ({
  ...refusal('version-duplicate', `${name} is in ConfigMap ${one} and in ConfigMap ${other}`, `keep it in one of them`),
  file: name,
})
