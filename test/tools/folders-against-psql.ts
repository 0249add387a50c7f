/**
 * Whether migration folders of others go up and down by Lockkeeper as they do by psql, and whether `prove` says of their
 * down scripts what the dumps around psql say.
 *
 *   node test/tools/folders-against-psql.ts [--programs DIR] [--major N] [--most N] [--keep DIR] FOLDER…
 *
 * `--programs`: the folder with `psql` and `pg_dump`, of the server's major or newer (default: /usr/bin). `--major`: of
 * the servers, which are embedded (default: 18). `--most`: how many versions of each folder, from the lowest (default: 60).
 * `--keep`: where answers of `prove` are kept and found again, as in `evaluate-folders.ts`.
 *
 * psql gets each script as the format cuts it out of its file, with `-v ON_ERROR_STOP=1`, and with `-1` where it may be
 * one transaction. After each step the dumps of both schemas, the rows of all tables (but for values that two runs of psql
 * make differently) and the sequences are compared; where both stop, their messages. Each down is run right after its up,
 * on copies, and then all of them from the top; and once Lockkeeper goes all the way in one run. Prints a table, then each
 * difference, each refusal, and each verdict of `prove` that the dumps do not bear out. Nothing of the folders is written
 * anywhere else.
 */
import { basename } from 'node:path'
import { parseArgs } from 'node:util'
import { runCourse, type Verdict } from './folders/course.ts'
import { KINDS } from './folders/judge.ts'
import { type Proven, proven } from './folders/proven.ts'
import { readSource } from './folders/source-files.ts'

/** `notes`: restored but for the order of columns and comments. Undefined: it was not tried. */
function verdictOf({ result, differences, findings, compared }: Proven): Verdict | 'notes' | undefined {
  if (result === 'proven') return differences.length === 0 ? 'restored' : 'notes'
  if (result !== 'failed' || compared?.schema === undefined) return undefined
  const said = findings.map(({ message }) => message).join('\n')
  if (/ fails: /.test(said)) return 'fails'
  return / again after the way down| the second time/.test(said) ? 'again' : 'differs'
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    programs: { type: 'string', default: '/usr/bin' },
    major: { type: 'string', default: '18' },
    most: { type: 'string', default: '60' },
    keep: { type: 'string' },
  },
})
const heads = ['folder', 'format', 'versions', ...KINDS, 'prove agrees', 'not judged', 'differences', 'refused']
process.stdout.write(`| ${heads.join(' | ')} |\n|${heads.map(() => '---|').join('')}\n`)
const remarks: string[] = []
for (const folder of positionals) {
  const name = basename(folder)
  const { format, files } = await readSource(folder)
  const some = files.slice(0, Number(values.most))
  const course = { programs: values.programs, major: Number(values.major), folder, files: some }
  const { judge, verdicts } = await runCourse(course)
  const answers = new Map((await proven(folder, values.keep)).map((each) => [each.version, each]))
  const judged = [...verdicts].map(([version, psql]) => {
    const answer = answers.get(version)
    return { version, psql, prove: answer === undefined ? undefined : verdictOf(answer), answer }
  })
  const tried = judged.filter(({ prove }) => prove !== undefined)
  const disagreed = tried.filter(({ psql, prove }) => psql !== (prove === 'notes' ? 'differs' : prove))
  const row = [
    name,
    format,
    `${some.length} of ${files.length}`,
    ...KINDS.map((kind) => `${judge.counts.get(kind)?.equal} of ${judge.counts.get(kind)?.all}`),
    `${tried.length - disagreed.length} of ${tried.length}`,
    judged.length - tried.length,
    judge.differences.length,
    judge.refusals.length,
  ]
  process.stdout.write(`| ${row.join(' | ')} |\n`)
  remarks.push(...judge.differences.map((each) => `differs  ${name} ${each}`))
  remarks.push(...judge.refusals.map((each) => `refused  ${name} ${each}`))
  remarks.push(...judge.remarks.map((each) => `remark   ${name} ${each}`))
  for (const { version, psql, prove, answer } of disagreed)
    remarks.push(`prove    ${name} ${version}: ${prove}, by psql ${psql}: ${answer?.findings[0]?.message ?? ''}`)
}
process.stdout.write(`\n${remarks.join('\n')}\n`)
