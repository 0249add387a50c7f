import { LIMITS } from '../limits.ts'
import type { SafetyCode } from '../migration/finding.ts'
import { breaks } from './compatibility/breaks.ts'
import type { Row } from './compatibility/row.ts'
import { works } from './compatibility/works.ts'
import type { PairExample, RollbackRule } from './rollback/pair.ts'
import { rollbackRules } from './rollback/rollback-rules.ts'
import type { Example, Found, Rule } from './rule.ts'
import { rules } from './rules.ts'

/** What a rule says of the first of its examples: the caller has the parser. */
export type AdviceOf = (rule: Rule) => Found | undefined

/** Findings about the example sets of this repository. `untrue`: those that say what is not so. */
export interface Counted {
  readonly sets: number
  readonly migrations: number
  readonly findings: number
  readonly untrue: number
}

/** `docs/rules.md`, made of the rules themselves. */
export const rulesPage = (adviceOf: AdviceOf, counted: Counted): string =>
  [
    head,
    '## Statements',
    ...rules.map((rule) => ruleSection(rule, adviceOf(rule))),
    '## Down scripts',
    'Both scripts of a migration are read side by side. Nothing is said where a statement of either could not be read, or where the up script says `-- lockkeeper: irreversible REASON`.',
    ...rollbackRules.map(rollbackSection),
    '## What cannot be read',
    unread,
    '## How often they are wrong',
    wrong(counted),
    '## Code of the release before',
    compatibility,
  ]
    .join('\n\n')
    .concat('\n')

const head = `# Rules

<!-- Made by \`node test/tools/rules-page.ts\` from src/safety. -->

\`lockkeeper lint\` reads the SQL of every migration, up and down, with PostgreSQL's own parser, and says what locks clients out, loses data, or stands in the way of a rollback. All of these are warnings but for three about down scripts, \`rollback-only-records\`, \`rollback-order\` and \`sql-rejected\`, which are certain.

- \`--since VERSION\`: only migrations above it, as one release. A table that a release makes is empty and unknown to clients until the release is through, so nothing is said of locks on it. Without it every migration is a release of its own.
- \`--server-version N\`: the PostgreSQL that the migrations will run on, 14 if nothing is said. Findings and advice follow it.
- \`--fix\`: puts right what takes no decision, in files of one statement: CREATE INDEX gets CONCURRENTLY; a foreign key or a CHECK is added NOT VALID and validated in a transaction of its own. Only in the newest migration, or above \`--since\`, since a database refuses a changed file of a migration that it has.
- A comment on the line before a statement allows a warning, with a reason: \`-- lockkeeper: allow CODE REASON\`. Errors cannot be allowed.

Sections and pages of the manual are those of PostgreSQL 18.`

const unread = `### \`sql-rejected\`

A statement that PostgreSQL 18's parser does not accept, with line, column and the parser's own words. In an up script it is a warning: the server has the last word. In a down script it is an error, at admission too, since such a script undoes nothing; extensions add no grammar. Only a server newer than the parser could accept it: with \`--server-version 19\` it is a warning.

### \`sql-too-long\`

A statement of more than ${LIMITS.parsedStatement.value.toLocaleString('en')} characters is not given to the parser, rows to be inserted apart. Look at it yourself, or make several of it.

### \`too-many-statements\`

A script of more than 20,000 statements is judged up to there, rows to be inserted apart; an up script and its down script with more than 1,000 statements together are not matched. Make several migrations of it.

\`sql-unjudged\` is said by the webhook, where the SQL of a source took longer to read than 2 s, or more memory than there is for it, or where a statement is nested too deeply for the parser ([limits](limits.md)): run \`lockkeeper lint\` on the files, and make them fewer or smaller. Where \`deny-findings\` names a code of this page, the rollout is refused.`

const wrong = ({ sets, migrations, findings, untrue }: Counted) =>
  `Over the ${sets} example sets of this repository, ${migrations} migrations in all formats, there are ${findings} findings; each was looked at by hand, and ${untrue} of them say what is not so. \`test/safety/golden/examples.golden.txt\` lists them by set, false ones marked. One set is of migrations that \`lockkeeper prove\` saw restored: nothing there may be said to be left behind or not put back.`

function ruleSection(rule: Rule, advice: Found | undefined): string {
  const { code, finds, why, source, only, versions = 'the same on every supported version' } = rule
  return [
    `### \`${code}\``,
    `${finds} ${why}`,
    `PostgreSQL: ${versions}. Scripts: ${only === 'up' ? 'up' : 'up and down'}. Manual: ${source}.`,
    ...instead(rule, advice),
    ...list('Found', rule.examples.finds.map(exampleText)),
    ...list('Not found', rule.examples.passes.map(exampleText)),
  ].join('\n\n')
}

function instead({ examples }: Rule, advice: Found | undefined): string[] {
  const [first] = examples.finds
  if (advice === undefined || first === undefined) return []
  const script = typeof first === 'string' ? first : first.script
  return advice.sql.length === 0
    ? [`Instead: ${advice.fix}.`]
    : [`Instead of the first example: ${advice.fix}.`, ['```sql', `-- ${script}`, ...advice.sql, '```'].join('\n')]
}

function exampleText(example: Example): string {
  if (typeof example === 'string') return code(example)
  const { script, earlier, server, alone } = example
  const more = [
    ...(server === undefined ? [] : [`on PostgreSQL ${server}`]),
    ...(alone === undefined ? [] : ['without a transaction']),
    ...(earlier === undefined ? [] : [`after ${code(earlier)}`]),
  ]
  return more.length === 0 ? code(script) : `${code(script)} ${more.join(', ')}`
}

const code = (sql: string) => (sql.includes('`') ? `\`\` ${sql} \`\`` : `\`${sql}\``)
const list = (title: string, items: readonly string[]) => [`${title}:`, items.map((each) => `- ${each}`).join('\n')]

const rollbackSection = ({ code: name, severity, finds, why, certainty, examples }: RollbackRule): string =>
  [
    `### \`${name satisfies SafetyCode}\``,
    `${severity === 'error' ? 'Error. ' : ''}${finds} ${why} ${certainty}`,
    ...list('Found', examples.finds.map(pairText)),
    ...list('Not found', examples.passes.map(pairText)),
  ].join('\n\n')

const pairText = ({ up, down, earlier }: PairExample) =>
  `up ${code(up)}, down ${code(down)}${earlier === undefined ? '' : `, after ${code(earlier)}`}`

const rowsOf = (rows: readonly Row[]) =>
  rows.map(
    ({ what, reason, source, examples }) =>
      `| ${what} | ${reason} | \`${(examples[0] ?? '').replaceAll('|', '\\|')}\` | ${source} |`,
  )

const tableOf = (rows: readonly Row[]) =>
  ['| what | why | example | manual |', '|---|---|---|---|', ...rowsOf(rows)].join('\n')

const compatibility = `Whether code that was written for the schema before a migration works after it. A migration works if every statement of it is in the first table; whatever is in neither table is unknown, and counts as if it broke. The same table judges a down script: whether the code of its version works once it ran.

\`-- lockkeeper: compatible REASON\` in a script is its author's word that it does; \`-- lockkeeper: floor VERSION\` in an up script names the lowest version whose code works.

### Goes on working

${tableOf(works)}

### Breaks

${tableOf(breaks)}`
