/** A connection string was not understood. Neither text ever holds the string, nor a piece that may be of a password. */
export class TargetProblem extends Error {
  /** What to write in its place; undefined: the form of a whole URL says it. */
  readonly fix: string | undefined
  constructor(message: string, fix?: string) {
    super(message)
    this.fix = fix
  }
}
