/** So many colours can be told apart, and so many lines read. */
export const mostRuns = 8;
