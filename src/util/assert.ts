/** A bug is an assertion that shows what was expected; users never see one unless we made a mistake. */
export function assert(condition: boolean, message: () => string): asserts condition {
  if (!condition) throw new Error(`bug: ${message()}`);
}

/** The value, which cannot be missing here. */
export function must<T>(value: T | undefined | null, what: string): T {
  if (value === undefined || value === null) throw new Error(`bug: no ${what}`);
  return value;
}

/** The end of a switch over a union: the compiler lists the members that were forgotten. */
export function unreachable(value: never): never {
  throw new Error(`bug: unexpected ${JSON.stringify(value)}`);
}
