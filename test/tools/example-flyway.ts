/**
 * A folder as Flyway users have it: four versions with undo scripts, one of them in a subfolder, a view that is made
 * anew whenever its script changes, and settings for single scripts. The view needs nothing above version 1.
 */
export const flywayExample: Readonly<Record<string, string>> = {
  'V1__create_orders.sql': `CREATE TABLE customer (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  email text NOT NULL UNIQUE
);
CREATE TABLE orders (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  customer_id bigint NOT NULL REFERENCES customer (id),
  placed_at timestamptz NOT NULL DEFAULT now(),
  total numeric(12, 2) NOT NULL CHECK (total >= 0)
);
INSERT INTO customer (email) VALUES ('ada@example.org'), ('grace@example.org');
INSERT INTO orders (customer_id, total) SELECT id, 10 * id FROM customer;
`,
  'U1__create_orders.sql': `DROP VIEW IF EXISTS customer_total;
DROP TABLE orders;
DROP TABLE customer;
`,
  'V2__add_status.sql': `ALTER TABLE orders ADD COLUMN status text NOT NULL DEFAULT 'new';
ALTER TABLE orders ADD CONSTRAINT orders_status_known CHECK (status IN ('new', 'paid', 'sent'));
CREATE FUNCTION pay(order_id bigint) RETURNS void LANGUAGE plpgsql AS $body$
BEGIN
  UPDATE orders SET status = 'paid' WHERE id = order_id AND status = 'new';
END
$body$;
`,
  'U2__add_status.sql': `DROP FUNCTION pay(bigint);
ALTER TABLE orders DROP COLUMN status;
`,
  'mail/V3__create_mail_template.sql': `CREATE TABLE mail_template (
  name text PRIMARY KEY,
  body text NOT NULL
);
INSERT INTO mail_template VALUES ('paid', 'Dear \${customer}, thank you; \${total} has arrived.');
`,
  'mail/V3__create_mail_template.sql.conf': `# What stands between braces is for the mailer.
placeholderReplacement=false
`,
  'mail/U3__create_mail_template.sql': `DROP TABLE mail_template;
`,
  'V4__index_status.sql': `CREATE INDEX CONCURRENTLY orders_status ON orders (status);
`,
  'V4__index_status.sql.conf': `executeInTransaction=false
`,
  'U4__index_status.sql': `DROP INDEX CONCURRENTLY orders_status;
`,
  'U4__index_status.sql.conf': `executeInTransaction=false
`,
  'R__customer_total.sql': `CREATE OR REPLACE VIEW customer_total AS
SELECT customer.id, customer.email, sum(orders.total) AS total
FROM customer JOIN orders ON orders.customer_id = customer.id
GROUP BY customer.id;
`,
}
