/** Failures that are said in one line. */

/** What kind of failure an error is, for programs: these stay, while messages may be worded anew. */
export type ErrorCode =
  /** An option or an argument that does not exist. */
  | 'INSTAR_UNKNOWN_OPTION'
  /** An option or an argument that must be given. */
  | 'INSTAR_MISSING_OPTION'
  /** A value of the wrong type, out of range, or none of the choices. */
  | 'INSTAR_WRONG_OPTION'
  /** A file or a folder that does not exist. */
  | 'INSTAR_NOT_FOUND'
  /** An image that cannot be read: damaged, cut short, of an unknown kind. */
  | 'INSTAR_WRONG_IMAGE'
  /** A model that was disposed of. */
  | 'INSTAR_DISPOSED'
  /** Anything else that is wrong with the data, a file or the machine's set-up. */
  | 'INSTAR_WRONG_INPUT'
  /** Of a `RunError`. */
  | 'INSTAR_RUN_FAILED';

/**
 * What a person did wrong, in one line that says what and where. The command line prints the message and exits with 2; it
 * never shows a stack trace. Failures that are nobody's mistake (a full disk, a worker that died) are `RunError`s: exit 1.
 */
export class UserError extends Error {
  readonly kind = 'user';
  /** For programs; stays the same when the message is worded anew. */
  readonly code: Exclude<ErrorCode, 'INSTAR_RUN_FAILED'>;

  constructor(message: string, code: Exclude<ErrorCode, 'INSTAR_RUN_FAILED'> = 'INSTAR_WRONG_INPUT') {
    super(message);
    this.code = code;
  }
}

/** The run cannot go on, through no fault in the command, the configuration or the data. Exit code 1. */
export class RunError extends Error {
  readonly kind = 'run';
  /** For programs. */
  readonly code = 'INSTAR_RUN_FAILED';
}
