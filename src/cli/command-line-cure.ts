/**
 * A cure as a person at a command line takes it: what an annotation says to the runner in a pod, an option says here.
 * `set config.lockkeeper.dev/out-of-order: "true"` is `use --out-of-order`.
 */
export const commandLineCure = (fix: string): string =>
  fix
    // Where both are named, the option is enough.
    .replace(
      /(--[a-z-]+(?: [^\s,(]+)?)(?:,? or | \()(?:the )?(?:annotation )?config\.lockkeeper\.dev\/[a-z-]+\)?/g,
      '$1',
    )
    .replace(/set config\.lockkeeper\.dev\/([a-z-]+)(?:: "true")?/g, 'use --$1')
    .replace(
      /(?:the )?(?:annotation )?config\.lockkeeper\.dev\/([a-z-]+)(?:: "?([\w./-]+)"?)?/g,
      (_, name: string, value?: string) => (value === undefined ? `--${name}` : `--${name} ${value}`),
    )
