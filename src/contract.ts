/**
 * What the webhook writes and the runner reads: names that must mean the same in every release.
 * Nothing here may be renamed; entries are only added.
 */

/** Every annotation and label of ours begins with this. */
export const DOMAIN = 'lockkeeper.dev'

/** The namespace label that opts in (selectors match labels, not annotations). */
export const ADMISSION_LABEL = `${DOMAIN}/admission`

/** What a workload asks for. All but the first and `break-glass` may stand on the namespace as a default. */
export const INTENT = {
  schemaVersion: `${DOMAIN}/schema-version`,
  migrations: `${DOMAIN}/migrations`,
  catalogue: `${DOMAIN}/catalogue`,
  format: `${DOMAIN}/format`,
  database: `${DOMAIN}/database`,
  set: `${DOMAIN}/set`,
  onRollback: `${DOMAIN}/on-rollback`,
  mode: `${DOMAIN}/mode`,
  breakGlass: `${DOMAIN}/break-glass`,
} as const

/** Runner settings, on the workload or as a default on its namespace. */
export const CONFIG = {
  lockTimeout: `config.${DOMAIN}/lock-timeout`,
  statementTimeout: `config.${DOMAIN}/statement-timeout`,
  deadline: `config.${DOMAIN}/deadline`,
  outOfOrder: `config.${DOMAIN}/out-of-order`,
  adoptAt: `config.${DOMAIN}/adopt-at`,
  historySchema: `config.${DOMAIN}/history-schema`,
  historyReaders: `config.${DOMAIN}/history-readers`,
  holdGrace: `config.${DOMAIN}/hold-grace`,
  role: `config.${DOMAIN}/role`,
  image: `config.${DOMAIN}/image`,
  cpuRequest: `config.${DOMAIN}/cpu-request`,
  memoryRequest: `config.${DOMAIN}/memory-request`,
  memoryLimit: `config.${DOMAIN}/memory-limit`,
  afterContainer: `config.${DOMAIN}/after-container`,
  placeholders: `config.${DOMAIN}/placeholders`,
  imageVolume: `config.${DOMAIN}/image-volume`,
} as const

/** The platform's rules, on the namespace only, so that an app team cannot lift them. */
export const POLICY = {
  rollbackPolicy: `${DOMAIN}/rollback-policy`,
  allowBreakGlass: `${DOMAIN}/allow-break-glass`,
  allowIrreversible: `${DOMAIN}/allow-irreversible`,
  allowAdopt: `${DOMAIN}/allow-adopt`,
  proofKey: `${DOMAIN}/proof-key`,
  denyFindings: `${DOMAIN}/deny-findings`,
  baselineVersion: `${DOMAIN}/baseline-version`,
  allowUnversioned: `${DOMAIN}/allow-unversioned`,
  allowImage: `${DOMAIN}/allow-image`,
  proofMajors: `${DOMAIN}/proof-majors`,
  proofMaxAge: `${DOMAIN}/proof-max-age`,
  belowFloor: `${DOMAIN}/below-floor`,
} as const

/** Written by the webhook on the pod template: JSON, see `injection/status.ts`. */
export const STATUS = `${DOMAIN}/status`

/** kubectl writes this into the template on `rollout restart`; a change of it is a wish for a new token. */
export const RESTARTED_AT = 'kubectl.kubernetes.io/restartedAt'

/** Who makes the Jobs of CronJobs (Kubernetes, controller roles); the webhook configurations name it too. */
export const CRONJOB_CONTROLLER = 'system:serviceaccount:kube-system:cronjob-controller'

export const CONTAINER_NAME = 'lockkeeper-migrate'
export const VOLUME_NAME = 'lockkeeper'
/** Where the files are in an image: the init container that copies them out of it, the volume, and where ours sees it. */
export const FILES_CONTAINER_NAME = 'lockkeeper-files'
export const FILES_VOLUME_NAME = 'lockkeeper-files'
export const FILES_PATH = '/lockkeeper-files'
/** Key of a ConfigMap that holds a catalogue. */
export const CATALOGUE_KEY = 'catalogue.json'

/** The projected volume, and the two folders in it. */
export const MOUNT_PATH = '/lockkeeper'
export const MIGRATIONS_DIR = 'migrations'
export const DATABASE_DIR = 'database'
/** File below `database/` that holds the one URI of `secret/NAME#KEY`. */
export const DATABASE_URI_FILE = 'uri'

/**
 * Keys under which PostgreSQL operators and charts keep connection facts in a Secret, by what they mean, the better one
 * first: CloudNativePG (`-app`), Crunchy (`-pguser-`), Zalando, Bitnami and service bindings. Keys of a way through a
 * pooler (`pgbouncer-…`) are not among them: a run needs a session of its own. The last three are files with PEM.
 */
export const DATABASE_SECRET = {
  uri: ['uri', 'url', 'DATABASE_URL', 'fqdn-uri'],
  host: ['host'],
  port: ['port'],
  user: ['user', 'username'],
  password: ['password'],
  /** Of the user postgres (Bitnami). */
  postgresPassword: ['postgres-password'],
  dbname: ['dbname', 'database'],
  sslmode: ['sslmode'],
  sslrootcert: ['ca.crt'],
  sslcert: ['tls.crt'],
  sslkey: ['tls.key'],
} as const

/** A whole Secret is mounted by naming each of these as an optional item. */
export const DATABASE_SECRET_KEYS = Object.values(DATABASE_SECRET).flat()

/**
 * What the application's `envFrom` has goes to the runner under this prefix, so that nothing of it (NODE_OPTIONS, PGHOST,
 * a name of ours) means anything there by itself.
 */
export const APPLICATION_ENV_PREFIX = 'LOCKKEEPER_APP_'

/** Environment of the runner. Values are strings; an absent name means the default. */
export const ENV = {
  /** Version to reach, canonical. */
  target: 'LOCKKEEPER_TARGET',
  /** Digest of the catalogue that was admitted, or `-` on a way back without files. */
  digest: 'LOCKKEEPER_DIGEST',
  /** The fence against late pods: a positive integer, milliseconds at its birth. */
  token: 'LOCKKEEPER_TOKEN',
  /** UID of the namespace kube-system. */
  cluster: 'LOCKKEEPER_CLUSTER',
  /** `namespace/kind/name`. */
  workload: 'LOCKKEEPER_WORKLOAD',
  /** Namespace that the pod is in, by the downward API. Another than the workload's: the template was copied there. */
  namespace: 'LOCKKEEPER_NAMESPACE',
  set: 'LOCKKEEPER_SET',
  /** The workload's update strategy: `RollingUpdate`, `Recreate`, … */
  strategy: 'LOCKKEEPER_STRATEGY',
  /** Folder of the migration files. */
  migrations: 'LOCKKEEPER_MIGRATIONS',
  format: 'LOCKKEEPER_FORMAT',
  /** `true`: the webhook saw a catalogue of the files, and not the files. */
  catalogue: 'LOCKKEEPER_CATALOGUE',
  /** What the webhook read of the admitted migrations (`migration/floor-list.ts`); absent: the runner reads them. */
  floors: 'LOCKKEEPER_FLOORS',
  mode: 'LOCKKEEPER_MODE',
  onRollback: 'LOCKKEEPER_ON_ROLLBACK',
  belowFloor: 'LOCKKEEPER_BELOW_FLOOR',
  rollbackPolicy: 'LOCKKEEPER_ROLLBACK_POLICY',
  denyFindings: 'LOCKKEEPER_DENY_FINDINGS',
  allowIrreversible: 'LOCKKEEPER_ALLOW_IRREVERSIBLE',
  allowAdopt: 'LOCKKEEPER_ALLOW_ADOPT',
  baselineVersion: 'LOCKKEEPER_BASELINE_VERSION',
  /** `false`: the namespace refuses scripts without a version, which admission alone can look for. */
  allowUnversioned: 'LOCKKEEPER_ALLOW_UNVERSIONED',
  /** Version for which break-glass is in force. */
  breakGlass: 'LOCKKEEPER_BREAK_GLASS',
  lockTimeout: 'LOCKKEEPER_LOCK_TIMEOUT',
  statementTimeout: 'LOCKKEEPER_STATEMENT_TIMEOUT',
  deadline: 'LOCKKEEPER_DEADLINE',
  outOfOrder: 'LOCKKEEPER_OUT_OF_ORDER',
  adoptAt: 'LOCKKEEPER_ADOPT_AT',
  historySchema: 'LOCKKEEPER_HISTORY_SCHEMA',
  historyReaders: 'LOCKKEEPER_HISTORY_READERS',
  holdGrace: 'LOCKKEEPER_HOLD_GRACE',
  role: 'LOCKKEEPER_ROLE',
  /** Values for placeholders in scripts: `name=value`, a line each or separated by commas. */
  placeholders: 'LOCKKEEPER_PLACEHOLDERS',
  /** Connection URL (from `env/CONTAINER:NAME`). */
  databaseUrl: 'LOCKKEEPER_DATABASE_URL',
  /** Folder with the mounted Secret (from `secret/NAME[#KEY]`). */
  databaseDir: 'LOCKKEEPER_DATABASE_DIR',
  /** Where the termination message goes; default `/dev/termination-log`. */
  terminationLog: 'LOCKKEEPER_TERMINATION_LOG',
} as const

/** Exit codes of the runner. */
export const EXIT = {
  ready: 0,
  failed: 10,
  deadline: 11,
  refused: 12,
  connection: 13,
  configuration: 14,
  pooler: 15,
} as const

/** Stable codes of the runner's termination message, by exit code. A file finding's own code is exit 14 too. */
export const EXIT_OF_CODE = {
  done: EXIT.ready,
  'migration-failed': EXIT.failed,
  deadline: EXIT.deadline,
  'schema-behind': EXIT.deadline,
  superseded: EXIT.refused,
  'in-doubt': EXIT.refused,
  'out-of-order': EXIT.refused,
  'breaks-workload': EXIT.refused,
  'held-by-workload': EXIT.refused,
  'schema-ahead-incompatible': EXIT.refused,
  'rollback-impossible': EXIT.refused,
  'history-missing': EXIT.refused,
  'history-untrusted': EXIT.refused,
  'history-too-new': EXIT.refused,
  'files-changed': EXIT.refused,
  'adopted-tool-active': EXIT.refused,
  'migration-changed': EXIT.refused,
  'cannot-connect': EXIT.connection,
  standby: EXIT.connection,
  'bad-config': EXIT.configuration,
  'source-unreadable': EXIT.configuration,
  'target-unknown': EXIT.configuration,
  'no-rights': EXIT.configuration,
  pooler: EXIT.pooler,
} as const
export type RunCode = keyof typeof EXIT_OF_CODE

export const FORMATS = ['golang-migrate', 'flyway', 'dbdeploy', 'dbmate', 'goose'] as const
export type FormatName = (typeof FORMATS)[number]

/** Whether a pod may start on a schema that its code is known to fail on, while pods of its release serve. */
export const BELOW_FLOOR = ['warn', 'refuse'] as const
export type BelowFloor = (typeof BELOW_FLOOR)[number]

export const ON_ROLLBACK = ['auto', 'always', 'keep'] as const
export type OnRollback = (typeof ON_ROLLBACK)[number]

export const MODES = ['migrate', 'gate'] as const
export type Mode = (typeof MODES)[number]

export const ROLLBACK_POLICIES = ['require', 'proven', 'off'] as const
export type RollbackPolicy = (typeof ROLLBACK_POLICIES)[number]

/** Defaults that webhook, runner and program share. Durations as a person writes them. */
export const DEFAULTS = {
  set: 'default',
  onRollback: 'auto',
  belowFloor: 'warn',
  mode: 'migrate',
  rollbackPolicy: 'require',
  lockTimeout: '500ms',
  deadline: '10m',
  holdGrace: '60s',
  historySchema: 'lockkeeper',
} as const
