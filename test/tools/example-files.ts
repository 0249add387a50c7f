import type { Files } from './runner.ts'

/** Three releases of one application: 2 only adds, 3 renames, so that release 2 does not work on it. */
const steps: readonly Files[] = [
  {
    '1_create_orders.up.sql': 'CREATE TABLE orders (id int PRIMARY KEY);\nINSERT INTO orders VALUES (1);\n',
    '1_create_orders.down.sql': 'DROP TABLE orders;\n',
  },
  {
    '2_add_note.up.sql': "BEGIN;\nALTER TABLE orders ADD note text DEFAULT 'none';\nCOMMIT;\n",
    '2_add_note.down.sql': 'ALTER TABLE orders DROP note;\n',
  },
  {
    '3_rename_note.up.sql': 'ALTER TABLE orders RENAME note TO remark;\n',
    '3_rename_note.down.sql': 'ALTER TABLE orders RENAME remark TO note;\n',
  },
]

/** The files of a release: all up to its number. */
export const release = (number: 0 | 1 | 2 | 3): Files => Object.assign({}, ...steps.slice(0, number))
