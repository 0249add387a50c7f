import { nodesOf } from '../../sql/walk.ts'
import { isNewTable, type Row } from './row.ts'

/** What leaves every answer as it was. */
export const kept: readonly Row[] = [
  {
    what: 'GRANT and COMMENT',
    verdict: 'works',
    reason: 'nobody loses anything by it',
    source: 'GRANT; COMMENT',
    matches: ({ node }) => 'CommentStmt' in node || ('GrantStmt' in node && node.GrantStmt.is_grant === true),
    examples: ["COMMENT ON TABLE orders IS 'all of them'", 'GRANT SELECT ON orders TO reports'],
  },
  {
    what: 'VALIDATE CONSTRAINT',
    verdict: 'works',
    reason: 'new rows were held to the constraint before',
    source: 'ALTER TABLE, VALIDATE CONSTRAINT',
    matches: ({ action }) => action?.cmd.subtype === 'AT_ValidateConstraint',
    examples: ['ALTER TABLE orders VALIDATE CONSTRAINT orders_total'],
  },
  {
    what: 'settings of storage and statistics, and upkeep: ANALYZE, VACUUM, REINDEX, CLUSTER, REFRESH',
    verdict: 'works',
    reason: 'they change how rows are kept, not which; what they block is another rule',
    source: 'ALTER TABLE, SET STORAGE, SET STATISTICS; 24.1 Routine Vacuuming',
    matches: ({ node, action }) =>
      storage.has(action?.cmd.subtype ?? '') ||
      ['VacuumStmt', 'ReindexStmt', 'ClusterStmt', 'RefreshMatViewStmt', 'CheckPointStmt'].some((kind) => kind in node),
    examples: [
      'ALTER TABLE orders SET (fillfactor = 80), ALTER note SET STATISTICS 500',
      'ANALYZE orders',
      'REINDEX TABLE CONCURRENTLY orders',
    ],
  },
  {
    what: 'DROP INDEX of an index that the files made and that is not unique',
    verdict: 'works',
    reason: 'it changes no answer, and ON CONFLICT does not rest on it',
    source: 'DROP INDEX; INSERT, ON CONFLICT',
    matches: ({ effects, schema }) =>
      effects.length > 0 &&
      effects.every(
        (each) => each.act === 'drop' && each.thing.kind === 'index' && schema.find(each.thing)?.facts.unique === false,
      ),
    examples: ['CREATE INDEX i ON orders (note); DROP INDEX i'],
  },
  {
    what: 'rows of a table that the same script made',
    verdict: 'works',
    reason: 'no code reads it yet',
    source: 'INSERT',
    matches: (piece) =>
      piece.effects.length > 0 &&
      piece.effects.every((each) => each.act === 'rows' && isNewTable(piece, each.table.name)),
    examples: [
      'CREATE TABLE states (id int); INSERT INTO states VALUES (1)',
      'CREATE TABLE states (id int); TRUNCATE states',
    ],
  },
  {
    what: 'settings of the session, and queries that call no function',
    verdict: 'works',
    reason: 'they leave nothing behind',
    source: 'SET; SELECT',
    matches: ({ node, effects }) =>
      'VariableSetStmt' in node ||
      ('SelectStmt' in node && effects.length === 0 && ![...nodesOf(node)].some((each) => 'FuncCall' in each)),
    examples: ['SET search_path = shop', 'SELECT 1'],
  },
]

const storage: ReadonlySet<string> = new Set([
  ...['AT_SetRelOptions', 'AT_ResetRelOptions', 'AT_SetStatistics', 'AT_SetStorage', 'AT_SetCompression'],
  ...['AT_SetOptions', 'AT_ResetOptions', 'AT_ClusterOn', 'AT_DropCluster', 'AT_SetLogged', 'AT_SetTableSpace'],
])
