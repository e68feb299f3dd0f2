#!/usr/bin/env node
/** The program `instar`. */
import { runCommandLine } from './command-line.ts';
import { allowLostReaders, processIo } from './io.ts';

allowLostReaders();
process.exitCode = await runCommandLine(process.argv.slice(2), processIo);
