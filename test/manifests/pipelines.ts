import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parse } from 'yaml'

export const ciFolder = join(import.meta.dirname, '../../manifests/examples/ci')

/** A script that a pipeline runs in one shell. */
export interface PipelineScript {
  readonly job: string
  readonly name: string
  readonly shell: readonly string[]
  readonly text: string
  readonly env: Readonly<Record<string, string>>
  /** It runs although one before it in its job failed. */
  readonly always: boolean
}

interface GithubStep {
  readonly name?: string
  readonly uses?: string
  readonly run?: string
  readonly if?: string
  readonly env?: Readonly<Record<string, string>>
}
export interface GithubWorkflow {
  readonly env: Readonly<Record<string, string>>
  readonly jobs: Readonly<Record<string, { readonly steps: readonly GithubStep[] }>>
}
export interface GitlabJob {
  readonly extends?: string | readonly string[]
  readonly image?: string | { readonly name: string }
  readonly before_script?: readonly string[]
  readonly script?: readonly string[]
}

export const readPipeline = async <T>(name: string): Promise<T> =>
  parse(await readFile(join(ciFolder, name), 'utf8')) as T

/** Of the workflow of GitHub Actions: `secrets.X` and `vars.X` are those of `values`. */
export async function githubScripts(values: Readonly<Record<string, string>>): Promise<PipelineScript[]> {
  const { env, jobs } = await readPipeline<GithubWorkflow>('github-actions.yaml')
  const expanded = (more: Readonly<Record<string, string>> = {}) =>
    Object.fromEntries(
      Object.entries(more).map(([key, text]) => [
        key,
        text.replace(/\$\{\{ (?:secrets|vars)\.(\w+) \}\}/g, (_, name) => values[name] ?? ''),
      ]),
    )
  return Object.entries(jobs).flatMap(([job, { steps }]) =>
    steps.flatMap(({ name = '', run: text, env: more, if: condition }) =>
      text === undefined
        ? []
        : [
            {
              ...{ job, name, text, always: condition === `\${{ !cancelled() }}` },
              shell: ['bash', '-e'],
              env: { ...env, ...expanded(more) },
            },
          ],
    ),
  )
}

/** Of the pipeline of GitLab: a job each. */
export async function gitlabScripts(values: Readonly<Record<string, string>>): Promise<PipelineScript[]> {
  const { variables, ...rest } = await readPipeline<Record<string, GitlabJob> & { variables: Record<string, string> }>(
    'gitlab-ci.yaml',
  )
  const before = (bases: GitlabJob['extends'] = []) => [bases].flat().flatMap((each) => rest[each]?.before_script ?? [])
  return Object.entries(rest).flatMap(([job, { script, extends: bases }]) =>
    script === undefined
      ? []
      : [
          {
            ...{ job, name: job, text: [...before(bases), ...script].join('\n'), always: false },
            shell: ['bash', '-eo', 'pipefail'],
            env: { ...variables, ...values },
          },
        ],
  )
}
