import { INTENT } from '../contract.ts'
import type { FilesRef } from '../injection/references.ts'
import { type Finding, refusal } from '../migration/finding.ts'
import type { Build } from './situation.ts'

/** A pod may have a hundred containers. */
const MAX_NAMED = 10

/** What can be said of files in an image, which only the pod will see. */
export function judgeImage({ settings, workload }: Build): Finding[] {
  const { files, configMaps } = settings
  if (files.kind === 'configmap') return []
  const names = workload.spec.template.spec.containers.map(({ name }) => name)
  const wrong =
    files.kind === 'container' && !names.includes(files.container)
      ? [
          refusal(
            'annotation-invalid',
            `${INTENT.migrations} names container ${files.container}, which the pod has not`,
            `name one of ${names.slice(0, MAX_NAMED).join(', ')}`,
          ),
        ]
      : []
  return configMaps.length > 0 ? wrong : [...wrong, withoutCatalogue(files)]
}

const withoutCatalogue = (files: Exclude<FilesRef, { kind: 'configmap' }>): Finding =>
  refusal(
    'source-unreadable',
    `the migrations are in ${files.kind === 'image' ? `image ${files.image}` : `the image of container ${files.container}`}, where the webhook cannot look`,
    `write their catalogue (lockkeeper catalogue --name NAME | kubectl apply -f -) and set ${INTENT.catalogue}: configmap/NAME; or put the files into a ConfigMap and set ${INTENT.migrations}: configmap/NAME`,
  )
