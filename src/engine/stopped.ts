/** A signal ended the run in the middle of a step that runs statement by statement. The message says what is there. */
export class Stopped extends Error {}
