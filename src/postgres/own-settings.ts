/**
 * What every statement of ours runs under, whatever the role, the database or the server sets as a default. Names are
 * looked up in pg_catalog alone, so that no function, operator, type or table of others can take the place of the one
 * that is meant; pg_temp is named because it would else be searched first (PostgreSQL manual, search_path).
 * Scripts run under the role's own settings instead: `step.ts` gives them back with RESET ALL.
 */
const OWN: readonly (readonly [name: string, value: string])[] = [
  ['search_path', 'pg_catalog, pg_temp'],
  // Whoever logged in works with the history; the role of the scripts need not be able to.
  ['role', 'none'],
  ['default_transaction_isolation', 'read committed'],
  ['default_transaction_read_only', 'off'],
  ['default_transaction_deferrable', 'off'],
  // Whoever locks our tables is waited for between tries, aloud and until the deadline; steps have a bound of their own.
  ['lock_timeout', '2s'],
  ['statement_timeout', '0'],
  ['idle_in_transaction_session_timeout', '0'],
  ['idle_session_timeout', '0'],
  ['exit_on_error', 'off'],
  ['row_security', 'on'],
  ['client_encoding', 'UTF8'],
  ['standard_conforming_strings', 'on'],
  ['bytea_output', 'hex'],
  ['array_nulls', 'on'],
  ['transform_null_equals', 'off'],
  ['quote_all_identifiers', 'off'],
  ['datestyle', 'ISO, MDY'],
  ['intervalstyle', 'postgres'],
  ['timezone', 'UTC'],
  ['client_min_messages', 'warning'],
  ['default_table_access_method', 'heap'],
  // Our questions about the catalogs are short, and the server would guess that they are not.
  ['jit', 'off'],
]

/** Names and types are qualified: these expressions are read before the path is ours. */
const own = (local: string) => [
  ...OWN.map(([name, value]) => `pg_catalog.set_config('${name}', '${value}', ${local})`),
  // What is told to be ready must outlive a crash of the server; a stricter setting stays.
  `CASE WHEN pg_catalog.current_setting('synchronous_commit') OPERATOR(pg_catalog.=) 'off' THEN pg_catalog.set_config('synchronous_commit', 'on', ${local}) END`,
  // PostgreSQL 17 and newer.
  `CASE WHEN pg_catalog.current_setting('transaction_timeout', true) IS NOT NULL THEN pg_catalog.set_config('transaction_timeout', '0', ${local}) END`,
]

/** Makes the session ours, for as long as it lasts. It may stand in a transaction, also at the end of a script's. */
export const OWN_SESSION = `RESET SESSION AUTHORIZATION;\nSELECT ${own('false').join(', ')}`

/**
 * Goes in front of the first question of a connection, in the same message. The session becomes ours if the server's
 * process is the one that the connection announced; behind a pooler the server's session may be lent to others between
 * two transactions, so there the settings end with the message. Answers with the process, as `process`, and with the role that
 * options or the login's own settings began the session with, as `began_as`.
 */
export const opening = (announcedPid: number | undefined): string =>
  `SET TRANSACTION ISOLATION LEVEL READ COMMITTED, NOT DEFERRABLE;
SELECT pid AS process, pg_catalog.current_setting('role') AS began_as, ${own('borrowed').join(', ')} FROM (SELECT pg_catalog.pg_backend_pid() AS pid,
  COALESCE(pg_catalog.pg_backend_pid() OPERATOR(pg_catalog.<>) ${announcedPid ?? 'NULL'}, true) AS borrowed) AS me`

/** For one transaction of ours in the middle of a script's session; rolling it back gives the script its settings again. */
export const OWN_TRANSACTION = [
  'SET LOCAL search_path = pg_catalog, pg_temp',
  'SET LOCAL SESSION AUTHORIZATION DEFAULT',
  'SET LOCAL ROLE NONE',
] as const
