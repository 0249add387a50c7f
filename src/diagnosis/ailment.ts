/** What is wrong with an installation, where, and what cures it. Codes are stable. */
export interface Ailment {
  readonly code: string
  readonly severity: 'error' | 'warning'
  /** `kind/name`, or `namespace/kind/name`. */
  readonly subject: string
  readonly message: string
  readonly fix: string
}

const ailment =
  (severity: Ailment['severity']) =>
  (code: string, subject: string, message: string, fix: string): Ailment => ({ code, severity, subject, message, fix })

/** Something does not work. */
export const error = ailment('error')
/** Something works, and not as meant. */
export const warning = ailment('warning')
