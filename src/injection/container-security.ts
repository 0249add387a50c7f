import type { JsonObject } from './workload.ts'

/** The user of the runner image, for pods whose own is root. */
export const RUNNER_UID = 65_532

/** What PodSecurity `restricted` asks of a container, and a read-only root; the user only where one has to be named. */
export const restricted = (runAsUser: number | undefined): JsonObject => ({
  allowPrivilegeEscalation: false,
  capabilities: { drop: ['ALL'] },
  readOnlyRootFilesystem: true,
  runAsNonRoot: true,
  ...(runAsUser !== undefined && { runAsUser }),
  seccompProfile: { type: 'RuntimeDefault' },
})
