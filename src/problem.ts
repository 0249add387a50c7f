/** Something a person can put right: usage, input or connection. Ends the program with its exit code. */
export class Problem extends Error {
  readonly fix: string | undefined
  readonly exit: 1 | 2 | 3
  constructor(message: string, fix?: string, exit: Problem['exit'] = 2) {
    super(message)
    this.fix = fix
    this.exit = exit
  }
}
