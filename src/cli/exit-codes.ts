/** Exit codes of the process. */
export const exitCodes = { done: 0, failed: 1, wrong: 2, interrupted: 130 } as const;
