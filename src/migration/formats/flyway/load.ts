import { checksumOf } from '../../checksum.ts'
import type { Finding } from '../../finding.ts'
import type { FormatOptions, Script, SourceFile, TransactionMode } from '../../migration.ts'
import { noConf, readConf } from './conf.ts'
import type { Resource } from './names.ts'
import { replacePlaceholders } from './placeholders.ts'

/** A file: what its name says, the script that is sent, and what is wrong with it. */
export interface Loaded {
  readonly resource: Resource
  readonly script: Script
  readonly transaction: TransactionMode
  readonly findings: readonly Finding[]
}

/** `confFile` is the `.sql.conf` beside it, where there is one. */
export function load(
  file: SourceFile,
  resource: Resource,
  confFile: SourceFile | undefined,
  { placeholders }: FormatOptions,
): Loaded {
  const conf = confFile === undefined ? noConf : readConf(confFile)
  const sent = conf.replacesPlaceholders ? replacePlaceholders(file, placeholders) : { text: file.text, findings: [] }
  const checksum = checksumOf(resource.kind === 'repeatable' ? sent.text : file.text)
  return {
    resource,
    script: { file: file.name, line: 1, text: sent.text, checksum },
    transaction: conf.transaction,
    findings: [...conf.findings, ...sent.findings].map((finding) =>
      'version' in resource ? { ...finding, version: resource.version } : finding,
    ),
  }
}
