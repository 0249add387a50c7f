import { gunzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { packed } from '../../src/history/write.ts'

test('a script of any length is stored as what gunzip gives back', () => {
  for (const length of [0, 1, 255, 256, 511, 512, 513, 32_767, 32_768, 100_000]) {
    const text = Array.from({ length }, (_, i) => String.fromCharCode(32 + ((i * 7919) % 90))).join('')
    const [, base64 = ''] = /decode\('([^']*)'/.exec(packed(text)) ?? []
    expect(gunzipSync(Buffer.from(base64, 'base64')).toString('utf8')).toBe(text)
  }
})
