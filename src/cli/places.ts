/** Where the commands look for runs, unless they are told. */

/** The folder that new runs are made in, below the working directory. */
export const usualRuns = 'runs';
