import { setImmediate as turn } from 'node:timers/promises'
import type { SourceOutcome } from '../admission/facts.ts'
import { ADMISSION_LABEL, INTENT } from '../contract.ts'
import { type Operation, patched } from '../injection/patch.ts'
import type { Json } from '../injection/workload.ts'
import { catalogueOf } from '../migration/catalogue.ts'
import { readMigrations } from '../migration/read.ts'
import { answerReview } from './answer-review.ts'
import type { ReviewPorts } from './ports.ts'

const FOR_MS = 400
const FILES = {
  '1_warm.up.sql': 'CREATE TABLE warm (id bigint);',
  '1_warm.down.sql': 'DROP TABLE warm;',
  '2_up.up.sql': 'ALTER TABLE warm ADD COLUMN up text;',
  '2_up.down.sql': 'ALTER TABLE warm DROP COLUMN up;',
}

/**
 * Answers made-up rollouts of a large workload for a moment, before real reviews come. V8 compiles what runs often: the
 * first second of a service that did not begin so is several times as slow, and a burst in it piles up. They ask nobody
 * and are not counted.
 *
 * @returns how many were answered
 */
export async function warmUp(
  ports: Pick<ReviewPorts, 'cluster' | 'runnerImage' | 'imagePullPolicy' | 'now'>,
  forMs = FOR_MS,
): Promise<number> {
  const until = performance.now() + forMs
  const source = madeUpSource()
  const alone: ReviewPorts = {
    ...ports,
    namespace: async (name) => ({ name, labels: { [ADMISSION_LABEL]: 'enabled' }, annotations: {} }),
    source: async () => source,
    secretKeys: async () => 'unknown',
  }
  const [one, two] = [deployment('1'), deployment('2')]
  const old = await injected(alone, one, null)
  let reviews = 1
  while (performance.now() < until) {
    const fresh = await injected(alone, two, old)
    await answerReview(alone, 'validate', reviewOf(fresh, old), { ms: forMs })
    reviews += 2
    await turn() // What else starts goes on meanwhile.
  }
  return reviews
}

/** An object with what the mutating webhook adds to it. */
async function injected(ports: ReviewPorts, object: Json, old: Json): Promise<Json> {
  const answered = await answerReview(ports, 'mutate', reviewOf(object, old), { ms: FOR_MS })
  if ('problem' in answered) throw new Error(answered.problem)
  const { response } = answered.body as { response: { patch?: string } }
  return patched(object, JSON.parse(Buffer.from(response.patch ?? '', 'base64').toString()) as Operation[])
}

function madeUpSource(): SourceOutcome {
  const files = Object.entries(FILES).map(([name, content]) => ({ name, content }))
  const items = [{ configMap: 'warm', keys: Object.keys(FILES) }]
  return { kind: 'read', catalogue: catalogueOf(readMigrations(files)), immutable: false, items }
}

/** One of 100 KB, since what is large is what takes time. */
function deployment(version: string): Json {
  const env = Array.from({ length: 1000 }, (_, i) => ({ name: `VARIABLE_${i}`, value: 'x'.repeat(70) }))
  const annotations = {
    [INTENT.schemaVersion]: version,
    [INTENT.migrations]: 'configmap/warm',
    [INTENT.database]: 'secret/warm#uri',
  }
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'warm', namespace: 'warm', annotations },
    spec: {
      selector: { matchLabels: { app: 'warm' } },
      template: {
        metadata: { labels: { app: 'warm' } },
        spec: { containers: [{ name: 'warm', image: `warm:${version}`, env }] },
      },
    },
  }
}

function reviewOf(object: Json, oldObject: Json): Buffer {
  const operation = oldObject === null ? 'CREATE' : 'UPDATE'
  const kind = { group: 'apps', version: 'v1', kind: 'Deployment' }
  const request = { uid: 'warm', operation, kind, namespace: 'warm', name: 'warm', object, oldObject }
  return Buffer.from(JSON.stringify({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', request }))
}
