/** `instar plan`. */
import { plan } from '../run/planning/plan.ts';
import { exitCodes } from './exit-codes.ts';
import { interrupted, listenForInterrupts } from './interrupt.ts';
import { printLines, type Io } from './io.ts';
import type { Given } from './options.ts';
import { planLines } from './plan-text.ts';
import { openReporter } from './reporter.ts';
import { optionsFrom } from './search.ts';

export async function planCommand(dataset: string, given: Given<'plan'>, io: Io): Promise<number> {
  const options = optionsFrom(dataset, given);
  const json = given.json === true;
  const reporter = openReporter(io, json);
  const nothing = (): void => undefined;
  const interruption = listenForInterrupts(io, nothing, nothing);
  try {
    const report = await plan({
      ...options,
      signal: interruption.signal,
      onData: (event) => reporter.data(event),
      onMeasuring: () => reporter.notice('measuring this machine for about 20 seconds'),
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
