import { checksumOf } from '../../migration/checksum.ts'
import type { Script } from '../../migration/migration.ts'

/**
 * A script as its file has it, but for BOM and line ends; undefined where placeholders were replaced in it: the checksum
 * is that of the file's text, so it tells them apart.
 */
export const rawText = ({ text, checksum }: Script): string | undefined =>
  checksumOf(text) === checksum ? text : undefined
