import type { Answer, Ask } from './api.ts'

const dry = 'dryRun=All'
const merged = 'application/merge-patch+json'
const applied = 'application/apply-patch+yaml'

/** What has nothing to do with us, on the object at a path, which is `object` when it is applied again. */
export async function foreignEdits(ask: Ask, path: string, object: object, round: number): Promise<[string, Answer][]> {
  const note = { metadata: { annotations: { 'example.com/note': String(round), [`example.com/n${round % 7}`]: 'x' } } }
  const again = `${path}?fieldManager=round&force=true`
  return [
    ['annotate', await ask('PATCH', path, note, merged)],
    ['annotate, dry run', await ask('PATCH', `${path}?${dry}`, note, merged)],
    ['apply again', await ask('PATCH', again, object, applied)],
    ['apply again, dry run', await ask('PATCH', `${again}&${dry}`, object, applied)],
  ]
}

/**
 * Every kind of change of an intent, in the annotations below some keys of the object, as dry runs: a webhook without
 * side effects is asked about those too.
 */
export async function ourEdits(ask: Ask, path: string, below: readonly string[]): Promise<[string, Answer][]> {
  const edit = (annotations: object) => {
    const body = below.reduceRight<object>((value, key) => ({ [key]: value }), { metadata: { annotations } })
    return ask('PATCH', `${path}?${dry}`, body, merged)
  }
  return [
    ['a new target', await edit({ 'lockkeeper.dev/schema-version': '2' })],
    ['another key', await edit({ 'lockkeeper.dev/set': 'other' })],
    ['a setting', await edit({ 'config.lockkeeper.dev/deadline': '1m' })],
    ['a key more', await edit({ 'lockkeeper.dev/on-rollback': 'keep' })],
    ['a key less', await edit({ 'lockkeeper.dev/set': null })],
    ['the end of it', await edit({ 'lockkeeper.dev/schema-version': null })],
  ]
}
