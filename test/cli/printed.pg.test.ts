import { afterAll, beforeAll, expect, test } from 'vitest'
import type { EmbeddedPostgres } from '../../src/prove/embedded-postgres.ts'
import { startServer, withDatabase } from '../tools/postgres.ts'
import { lockkeeper, withFolder } from '../tools/program.ts'
import { runRunner } from '../tools/runner.ts'

let server: EmbeddedPostgres
let stop: () => Promise<void>
beforeAll(async () => {
  ;({ server, stop } = await startServer({ major: 18 }))
})
afterAll(() => stop())

/** Anything that a terminal would act on, but for the ends of lines. */
const acted = /(?!\n)[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/u
const nasty = 'a\u001b[31mred\u009b2J\u202etxt\r\nlockkeeper: all is well'
const sqlOf = (text: string) => [...text].map((char) => `chr(${char.codePointAt(0)})`).join(' || ')

const files = {
  '1_a.up.sql': 'CREATE TABLE a ();',
  '1_a.down.sql': 'DROP TABLE a;',
  '2_b.up.sql': `-- ${nasty.replace('\r\n', ' ')}\nDO $$ BEGIN RAISE EXCEPTION USING MESSAGE = ${sqlOf(nasty)}, HINT = ${sqlOf(nasty)}; END $$;`,
  '2_b.down.sql': 'SELECT 1;',
  [`3_${nasty.replace('\r\n', ' ')}.up.sql`]: 'CREATE TABLE c ();',
  [`3_${nasty.replace('\r\n', ' ')}.down.sql`]: 'DROP TABLE c;',
}

test('what a server, a script or a file name says reaches no terminal raw', () =>
  withDatabase(server, ({ url, sql }) =>
    withFolder(
      Object.fromEntries(Object.entries(files).map(([name, text]) => [`migrations/${name}`, text])),
      async (cwd) => {
        const run = (...args: string[]) => lockkeeper(args, { cwd, env: { DATABASE_URL: url } })
        const outputs: string[] = []
        for (const args of [
          ['plan'],
          ['up'],
          ['up', '-o', 'json'],
          ['lint'],
          ['lint', '-o', 'json'],
          ['lint', '-o', 'github'],
          ['lint', '-o', 'sarif'],
        ]) {
          const { stdout, stderr } = await run(...args)
          outputs.push(stdout, stderr)
          if (args.join(' ') === 'up')
            expect(stderr).toMatch(
              /^migration-failed: 2_b\.up\.sql line 2.*a \[31mred 2J txt lockkeeper: all is well.*\n {2}fix: .*\n$/m,
            )
          if (args[0] === 'up' && args.length > 1) expect(JSON.parse(stdout).findings[0].message).toContain(nasty)
        }
        const runner = await runRunner({ url, target: '3', files })
        expect(runner.termination).toMatchObject({ code: 'migration-failed' })
        outputs.push(runner.output)
        await sql(`update lockkeeper.requirement set workload = ${sqlOf(`w${nasty}`)}`)
        for (const args of [['history'], ['history', '-o', 'json'], ['status'], ['status', '-o', 'json']]) {
          const { stdout, stderr } = await run(...args)
          if (args.length === 1) expect(stdout).toContain('a [31mred')
          outputs.push(stdout, stderr)
        }
        for (const output of outputs) expect(output).not.toMatch(acted)
      },
    ),
  ))
