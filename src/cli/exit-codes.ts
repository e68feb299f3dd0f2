/** What the process says when it ends. */
export const exitCodes = { done: 0, failed: 1, wrong: 2, interrupted: 130 } as const;
