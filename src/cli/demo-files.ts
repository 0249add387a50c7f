import type { RawFile } from '../migration/migration.ts'

/** The migrations of the example application (manifests/examples/orders), which the bundled program has with it. */
const files: readonly RawFile[] = [
  {
    name: '1_create_orders.up.sql',
    content: `CREATE TABLE orders (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  item text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);
INSERT INTO orders (item) VALUES ('tea'), ('coffee');
`,
  },
  { name: '1_create_orders.down.sql', content: 'DROP TABLE orders;\n' },
  {
    name: '2_add_note.up.sql',
    content: `BEGIN;
-- Only adds: release 1 goes on working beside it.
ALTER TABLE orders ADD COLUMN note text NOT NULL DEFAULT '';
COMMIT;
`,
  },
  { name: '2_add_note.down.sql', content: 'ALTER TABLE orders DROP COLUMN note;\n' },
  {
    name: '3_rename_note.up.sql',
    content: `-- Release 2 does not work on this: it asks for note.
ALTER TABLE orders RENAME COLUMN note TO remark;
`,
  },
  { name: '3_rename_note.down.sql', content: 'ALTER TABLE orders RENAME COLUMN remark TO note;\n' },
]

/** What a release's ConfigMap holds. */
export const demoFiles = (version: number): readonly RawFile[] =>
  files.filter(({ name }) => Number(name.split('_')[0]) <= version)
