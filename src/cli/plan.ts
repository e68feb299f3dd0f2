/** `instar plan`. */
import { plan } from '../run/planning/plan.ts';
import { readAsked } from './asked.ts';
import { exitCodes } from './exit-codes.ts';
import type { Given } from './given.ts';
import { interrupted, listenForInterrupts } from './interrupt.ts';
import { printLines, type Io } from './io.ts';
import { planLines } from './plan-text.ts';
import { openReporter } from './reporter.ts';

export async function planCommand(dataset: string, given: Given, io: Io): Promise<number> {
  const options = readAsked(dataset, given);
  const json = given['json'] === true;
  const reporter = openReporter(io, json);
  const nothing = (): void => undefined;
  const interruption = listenForInterrupts(io, nothing, nothing);
  try {
    const report = await plan({
      ...options,
      signal: interruption.signal,
      onData: (event) => reporter.data(event),
      onMeasuring: () => reporter.notice('timing this machine, about 20 seconds'),
    });
    reporter.close();
    printLines(io.out, json ? [JSON.stringify(report)] : planLines(report));
    return exitCodes.done;
  } catch (error) {
    if (error !== interrupted) throw error;
    return exitCodes.interrupted;
  } finally {
    reporter.close();
    interruption.stop();
  }
}
