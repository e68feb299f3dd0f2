#!/usr/bin/env node
/** The program `instar`. */
import { runCommandLine } from './command-line.ts';
import { allowLostReaders, ignoreHangup, processIo } from './io.ts';

allowLostReaders();
ignoreHangup();
const code = await runCommandLine(process.argv.slice(2), processIo);
// Output that could not be written has failed the command already.
if (code !== 0 || process.exitCode === undefined) process.exitCode = code;
