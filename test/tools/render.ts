import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '../..')

/** What `manifests/install.yaml` should hold: the chart with its defaults, and the namespace for it. */
export function renderInstall(): string {
  const chart = execFileSync(
    'helm',
    [
      'template',
      'lockkeeper',
      join(root, 'manifests/chart'),
      ...'-n lockkeeper --kube-version 1.30.0 --skip-tests'.split(' '),
    ],
    {
      encoding: 'utf8',
    },
  )
  return `# Rendered from manifests/chart by \`node test/tools/render.ts\`; do not edit.
apiVersion: v1
kind: Namespace
metadata:
  name: lockkeeper
  labels:
    pod-security.kubernetes.io/enforce: restricted
${chart}`
}

if (import.meta.main) writeFileSync(join(root, 'manifests/install.yaml'), renderInstall())
