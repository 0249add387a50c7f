import {
  CONTAINER_NAME,
  DATABASE_DIR,
  DEFAULTS,
  ENV,
  FILES_PATH,
  FILES_VOLUME_NAME,
  MIGRATIONS_DIR,
  MOUNT_PATH,
  VOLUME_NAME,
} from '../contract.ts'
import { applicationEnv } from './application-env.ts'
import { RUNNER_UID, restricted } from './container-security.ts'
import { filesFolder } from './files-container.ts'
import { strategyOf } from './kinds.ts'
import type { Settings } from './settings.ts'
import type { Status } from './status.ts'
import type { EnvEntry, JsonObject, Workload } from './workload.ts'

/** What our container runs: the same in every release. */
export const RUNNER_COMMAND = ['/usr/local/bin/node', '/app/runner.js'] as const

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
  /** Of the migrations up to the target, as `writeFloors` writes them; undefined where nobody read the SQL. */
  readonly floors: string | undefined
}

/**
 * The init container. Everything that the API server would fill in is written out, so that what is stored is what was
 * built. It satisfies PodSecurity `restricted` by itself.
 */
export function migrateContainer(settings: Settings, facts: ContainerFacts): JsonObject {
  const { workload, image, imagePullPolicy } = facts
  const { database } = settings
  const asRoot = workload.spec.template.spec.securityContext?.runAsUser === 0
  const theirs = database.kind === 'env' ? applicationEnv(workload, database.container, database.name) : undefined
  const folder = filesFolder(settings, workload)
  return {
    name: CONTAINER_NAME,
    image: settings.image ?? image,
    imagePullPolicy,
    command: [...RUNNER_COMMAND],
    env: [...(theirs?.env ?? []), ...environment(settings, facts, folder)].map((entry) => ({ ...entry })),
    ...(theirs !== undefined && theirs.envFrom.length > 0 && { envFrom: [...theirs.envFrom] }),
    resources: {
      requests: { cpu: settings.cpuRequest, memory: settings.memoryRequest },
      limits: { memory: settings.memoryLimit },
    },
    securityContext: restricted(asRoot ? RUNNER_UID : undefined),
    terminationMessagePath: '/dev/termination-log',
    terminationMessagePolicy: 'FallbackToLogsOnError',
    volumeMounts: [
      { name: VOLUME_NAME, mountPath: MOUNT_PATH, readOnly: true },
      ...(folder === undefined ? [] : [{ name: FILES_VOLUME_NAME, mountPath: FILES_PATH, readOnly: true }]),
    ],
  }
}

/** The API server would fill the version in. */
const ownNamespace = { apiVersion: 'v1', fieldPath: 'metadata.namespace' }

function environment(settings: Settings, facts: ContainerFacts, folder: string | undefined): EnvEntry[] {
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
    [ENV.migrations]: folder ?? `${MOUNT_PATH}/${MIGRATIONS_DIR}`,
    [ENV.format]: settings.format,
    [ENV.catalogue]: settings.files.kind === 'configmap' ? undefined : 'true',
    [ENV.floors]: facts.floors,
    [ENV.mode]: settings.mode,
    [ENV.onRollback]: settings.onRollback,
    [ENV.belowFloor]: policy.belowFloor === DEFAULTS.belowFloor ? undefined : policy.belowFloor,
    [ENV.rollbackPolicy]: policy.rollbackPolicy,
    [ENV.denyFindings]: policy.denyFindings.length === 0 ? undefined : policy.denyFindings.join(','),
    [ENV.allowIrreversible]: policy.allowIrreversible ? 'true' : undefined,
    [ENV.allowAdopt]: policy.allowAdopt ? 'true' : undefined,
    [ENV.baselineVersion]: policy.baseline,
    [ENV.allowUnversioned]: policy.allowUnversioned === false ? 'false' : undefined,
    [ENV.breakGlass]: facts.breakGlass,
    ...settings.runner,
    [ENV.databaseDir]: database.kind === 'secret' ? `${MOUNT_PATH}/${DATABASE_DIR}` : undefined,
  }
  const given = Object.entries(values).flatMap(([name, value]) => (value === undefined ? [] : [{ name, value }]))
  return [...given, { name: ENV.namespace, valueFrom: { fieldRef: ownNamespace } }]
}
