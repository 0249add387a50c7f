import { identifier, literal } from '../postgres/sql.ts'

/** `major.minor`: a newer minor only adds; another major is not understood. */
export const LAYOUT = '1.1'

export const TABLES = ['migration', 'journal', 'requirement', 'state'] as const

/** What layout 1.1 adds to `requirement`: runners of 1.0 neither read nor write it. `src/history/interval.ts` says what it means. */
const ADDED = [
  'low text',
  'high text',
  'strays integer NOT NULL DEFAULT 0',
  'interval_token bigint',
  'ready_token bigint',
]

/** Brings a history of layout 1.0 to this one, as statements of one transaction. Whoever comes second changes nothing. */
export function extensionDdl(schema: string): string[] {
  const s = identifier(schema)
  return [
    `ALTER TABLE ${s}.requirement ${ADDED.map((column) => `ADD COLUMN IF NOT EXISTS ${column}`).join(', ')}`,
    `UPDATE ${s}.state SET layout = '${LAYOUT}' WHERE layout = '1.0'`,
  ]
}

export interface DdlOptions {
  readonly schema: string
  /** The schema is there already, made by somebody who may create schemas. */
  readonly schemaExists?: boolean
  /** Who is to own them, where it is not the role that logged in. */
  readonly owner?: string | undefined
  /** Roles that get USAGE and SELECT. */
  readonly readers: readonly string[]
}

/**
 * The history's tables, as statements of one transaction. No IF NOT EXISTS, so that nobody can put tables of their own
 * there first; no sequences, which a switch to a replica would not carry.
 */
export function historyDdl({ schema, schemaExists = false, owner, readers }: DdlOptions): string {
  const s = identifier(schema)
  const as = owner === undefined ? [] : [`SET LOCAL ROLE ${identifier(owner)}`]
  const made = owner === undefined ? '' : ` AUTHORIZATION ${identifier(owner)}`
  const statements = [
    // Whoever runs this by hand may have other schemas on the path.
    'SET LOCAL search_path = pg_catalog, pg_temp',
    ...(schemaExists ? [] : [`CREATE SCHEMA ${s}${made}`]),
    ...as,
    `CREATE TABLE ${s}.state (
  "set" text PRIMARY KEY,
  layout text NOT NULL,
  epoch bigint NOT NULL,
  keeps text
)`,
    `CREATE TABLE ${s}.migration (
  "set" text NOT NULL,
  version text NOT NULL,
  name text NOT NULL,
  format text NOT NULL,
  up_file text NOT NULL,
  up_script bytea NOT NULL,
  up_checksum text NOT NULL,
  down_file text,
  down_script bytea,
  down_checksum text,
  transactional boolean NOT NULL,
  down_transactional boolean NOT NULL,
  floor text,
  applied_at timestamptz NOT NULL,
  duration_ms integer NOT NULL,
  applied_by text NOT NULL,
  token bigint,
  run uuid NOT NULL,
  origin text NOT NULL,
  PRIMARY KEY ("set", version)
)`,
    `ALTER TABLE ${s}.migration ALTER up_script SET STORAGE EXTERNAL, ALTER down_script SET STORAGE EXTERNAL`,
    `CREATE TABLE ${s}.journal (
  run uuid NOT NULL,
  n integer NOT NULL,
  "set" text NOT NULL,
  at timestamptz NOT NULL,
  event text NOT NULL,
  version text,
  duration_ms integer,
  workload text,
  token bigint,
  done_by text NOT NULL,
  detail text,
  attempt uuid,
  statement integer,
  PRIMARY KEY (run, n)
)`,
    `CREATE INDEX journal_attempt ON ${s}.journal (attempt) WHERE attempt IS NOT NULL`,
    `CREATE TABLE ${s}.requirement (
  cluster text NOT NULL,
  workload text NOT NULL,
  "set" text NOT NULL,
  target text NOT NULL,
  reached text,
  token bigint NOT NULL,
  digest text NOT NULL,
  stamp bigint,
  on_rollback text NOT NULL,
  strategy text NOT NULL,
  lingering text,
  lingering_until timestamptz,
  last_seen timestamptz NOT NULL,
  ${ADDED.join(',\n  ')},
  PRIMARY KEY (cluster, workload)
)`,
    revokeAll(schema),
    ...readers.flatMap((reader) => grantRead(s, reader)),
    ...(owner === undefined ? [] : ['SET LOCAL ROLE NONE']),
  ]
  return `${statements.join(';\n')};\n`
}

/** Table, column and type of every column that we make; there is no default and no CHECK among them. */
export function columnTypes(): (readonly [table: string, column: string, type: string])[] {
  const made = historyDdl({ schema: 's', readers: [] }).matchAll(/^CREATE TABLE "s"\.(\w+) \(\n([^;]*)\n\)/gm)
  return [...made].flatMap(([, table = '', body = '']) =>
    [...body.matchAll(/^ {2}"?([a-z_]+)"? ([a-z]+)/gm)].map(
      ([, column = '', type = '']) => [table, column, type] as const,
    ),
  )
}

export const grantRead = (s: string, reader: string) => [
  `GRANT USAGE ON SCHEMA ${s} TO ${identifier(reader)}`,
  `GRANT SELECT ON ALL TABLES IN SCHEMA ${s} TO ${identifier(reader)}`,
]

/** ALTER DEFAULT PRIVILEGES may have granted rights to others at the moment of creation: take back every one. */
const revokeAll = (schema: string) => `DO $lockkeeper$
DECLARE target text; grantee text;
BEGIN
  FOR target, grantee IN
    SELECT format('SCHEMA %I', n.nspname), coalesce(quote_ident(r.rolname), 'PUBLIC')
      FROM pg_namespace n, aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) a LEFT JOIN pg_roles r ON r.oid = a.grantee
      WHERE n.nspname = ${literal(schema)} AND a.grantee <> n.nspowner
    UNION
    SELECT format('TABLE %I.%I', n.nspname, c.relname), coalesce(quote_ident(r.rolname), 'PUBLIC')
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace,
           aclexplode(coalesce(c.relacl, acldefault('r', c.relowner))) a LEFT JOIN pg_roles r ON r.oid = a.grantee
      WHERE n.nspname = ${literal(schema)} AND c.relkind = 'r' AND a.grantee <> c.relowner
  LOOP
    EXECUTE format('REVOKE ALL ON %s FROM %s', target, grantee);
  END LOOP;
END $lockkeeper$`
