/** golang-migrate and Flyway allow a version 0, which `--to 0` and a target 0 leave applied: what to say of it, if it is. */
export const versionZeroLeft = (
  applied: readonly { readonly version: string }[],
  target: string | undefined,
): string | undefined =>
  target === '0' && applied.some(({ version }) => version === '0')
    ? 'version 0 stays applied: `lockkeeper down --to none` reverts it too'
    : undefined
