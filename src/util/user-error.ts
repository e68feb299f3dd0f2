/**
 * What a person did wrong, in one line that says what and where. The command line prints the message and exits with 2; it
 * never shows a stack trace. Failures that are nobody's mistake (a full disk, a worker that died) are `RunError`s: exit 1.
 */
export class UserError extends Error {
  readonly kind = 'user';
}

/** The run cannot go on, through no fault in the command, the configuration or the data. Exit code 1. */
export class RunError extends Error {
  readonly kind = 'run';
}
