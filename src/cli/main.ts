#!/usr/bin/env node
/** The program `instar`. */
import { runCommandLine } from './command-line.ts';
import { processIo } from './io.ts';

// A reader that has gone (`| head`) is no failure of ours; neither is a terminal that was closed.
for (const stream of [process.stdout, process.stderr])
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE' && error.code !== 'EIO') throw error;
  });

process.exitCode = await runCommandLine(process.argv.slice(2), processIo);
