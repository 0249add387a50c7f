import { readFileSync } from 'node:fs'
import { isSeq, parseAllDocuments } from 'yaml'
import { Problem } from '../problem.ts'

/** A manifest, as far as it is looked at before the handlers see it. */
export interface Manifest {
  readonly apiVersion?: string
  readonly kind?: string
  readonly metadata?: {
    readonly name?: string
    readonly namespace?: string
    readonly labels?: Readonly<Record<string, string>>
    readonly annotations?: Readonly<Record<string, string>>
  }
  readonly items?: readonly Manifest[]
  readonly data?: Readonly<Record<string, string>>
  readonly binaryData?: Readonly<Record<string, string>>
  readonly stringData?: Readonly<Record<string, string>>
  readonly immutable?: boolean
  readonly request?: unknown
}

/** The manifests of a file, or of standard input. Throws Problem. */
export function readManifests(path: string): Manifest[] {
  let text: string
  try {
    text = readFileSync(path === '-' ? 0 : path, 'utf8')
  } catch (error) {
    throw new Problem(
      `${path} cannot be read (${error instanceof Error && 'code' in error ? error.code : error})`,
      'name a file, or - for standard input',
    )
  }
  const documents = parseAllDocuments(text)
  return documents.flatMap((document) => {
    const [broken] = document.errors
    if (broken !== undefined) throw new Problem(`${path} is no YAML: ${broken.message.split('\n')[0]}`)
    const parsed = document.toJS() as Manifest | Manifest[] | null
    if (isSeq(document.contents)) return parsed as Manifest[]
    const manifest = parsed as Manifest | null
    return manifest?.kind === 'List' ? [...(manifest.items ?? [])] : manifest === null ? [] : [manifest]
  })
}
