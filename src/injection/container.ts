import { CONTAINER_NAME, DATABASE_DIR, ENV, MIGRATIONS_DIR, MOUNT_PATH, VOLUME_NAME } from '../contract.ts'
import type { Settings } from './settings.ts'
import type { Status } from './status.ts'
import type { EnvEntry, JsonObject, Workload } from './workload.ts'

/** What the init container is built from, beside the settings. */
export interface ContainerFacts {
  readonly workload: Workload
  /** `namespace/kind/name`. */
  readonly id: string
  /** UID of the namespace kube-system. */
  readonly cluster: string
  readonly image: string
  readonly imagePullPolicy: string
  readonly status: Pick<Status, 'digest' | 'token'>
  /** Version for which break-glass is in force. */
  readonly breakGlass: string | undefined
}

/** The UID of the runner image, for pods whose own is root. */
const RUNNER_UID = 65_532

/**
 * The init container. Everything that the API server would fill in is written out, so that what is stored is what was
 * built. It satisfies PodSecurity `restricted` by itself.
 */
export function migrateContainer(settings: Settings, facts: ContainerFacts): JsonObject {
  const { workload, image, imagePullPolicy } = facts
  const asRoot = workload.spec.template.spec.securityContext?.runAsUser === 0
  return {
    name: CONTAINER_NAME,
    image: settings.image ?? image,
    imagePullPolicy,
    command: ['/usr/local/bin/node', '/app/runner.js'],
    env: environment(settings, facts).map((entry) => ({ ...entry })),
    resources: {
      requests: { cpu: settings.cpuRequest, memory: settings.memoryRequest },
      limits: { memory: settings.memoryLimit },
    },
    securityContext: {
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'] },
      readOnlyRootFilesystem: true,
      runAsNonRoot: true,
      ...(asRoot && { runAsUser: RUNNER_UID }),
      seccompProfile: { type: 'RuntimeDefault' },
    },
    terminationMessagePath: '/dev/termination-log',
    terminationMessagePolicy: 'FallbackToLogsOnError',
    volumeMounts: [{ name: VOLUME_NAME, mountPath: MOUNT_PATH, readOnly: true }],
  }
}

function environment(settings: Settings, facts: ContainerFacts): EnvEntry[] {
  const { policy, database } = settings
  const { status, workload } = facts
  const values: Record<string, string | undefined> = {
    [ENV.target]: settings.target,
    [ENV.digest]: status.digest,
    [ENV.token]: String(status.token),
    [ENV.cluster]: facts.cluster,
    [ENV.workload]: facts.id,
    [ENV.set]: settings.set,
    [ENV.strategy]: strategyOf(workload),
    [ENV.migrations]: `${MOUNT_PATH}/${MIGRATIONS_DIR}`,
    [ENV.format]: settings.format,
    [ENV.mode]: settings.mode,
    [ENV.onRollback]: settings.onRollback,
    [ENV.rollbackPolicy]: policy.rollbackPolicy,
    [ENV.denyFindings]: policy.denyFindings.length === 0 ? undefined : policy.denyFindings.join(','),
    [ENV.allowIrreversible]: policy.allowIrreversible ? 'true' : undefined,
    [ENV.allowAdopt]: policy.allowAdopt ? 'true' : undefined,
    [ENV.baselineVersion]: policy.baseline,
    [ENV.breakGlass]: facts.breakGlass,
    ...settings.runner,
    [ENV.databaseDir]: database.kind === 'secret' ? `${MOUNT_PATH}/${DATABASE_DIR}` : undefined,
  }
  const plain = Object.entries(values).flatMap(([name, value]) => (value === undefined ? [] : [{ name, value }]))
  return database.kind === 'env' ? [...copiedEnv(workload, database.container, database.name), ...plain] : plain
}

/** Kubernetes' default for a Deployment without one. */
export const strategyOf = (workload: Workload): string => workload.spec.strategy?.type ?? 'RollingUpdate'

/** A container's own entry under our name, after the entries that its `$(OTHER)` name. Empty when there is none. */
export function copiedEnv(workload: Workload, container: string, name: string): EnvEntry[] {
  const env = workload.spec.template.spec.containers.find((each) => each.name === container)?.env ?? []
  const wanted = env.findLast((entry) => entry.name === name)
  if (wanted === undefined) return []
  const others: EnvEntry[] = []
  const collect = (entry: EnvEntry) => {
    for (const [, other] of (entry.value ?? '').matchAll(/\$\(([A-Za-z_][\w.-]*)\)/g)) {
      const found = env.findLast((each) => each.name === other)
      if (found === undefined || found === wanted || others.includes(found)) continue
      collect(found)
      others.push(found)
    }
  }
  collect(wanted)
  return [...others, { ...wanted, name: ENV.databaseUrl }]
}
