/** Plans, exports and ends of a run as text for people. */
import { formatDuration } from '../../util/duration.ts';
import { formatBytes, formatPercent, formatWhole, plural, printable } from '../../util/words.ts';
import type { Config } from '../record/config.ts';
import type { Exported, Plan } from '../record/events.ts';
import type { RunState } from '../record/replay.ts';

/** The given network of a search, and its difference from the model that it was read from. */
export function describeFrom({ from }: Config): string[] {
  if (from === null) return [];
  const { reference, compared } = from;
  const checked =
    compared === null
      ? ''
      : `; on ${plural(compared.images, 'image')} its logits are within ${compared.difference.toExponential(1)} of ONNX Runtime's`;
  return [`from ${printable(reference)}${checked}`];
}

/** A budget's plan in one line. */
export function describePlan(plan: Plan, budget: number, config: Config): string {
  const { settings, data } = config;
  const asked = (value: number, before: number | null): string =>
    before === null || value === before ? '' : ` (of ${formatWhole(before)})`;
  return (
    `plan for ${formatDuration(budget)}: ${formatWhole(plan.images)} of ${formatWhole(Math.min(settings.images ?? Infinity, data.trainImages))} training images; ` +
    `the vanilla network for ${plural(plan.vanillaEpochs, 'epoch')}${asked(plan.vanillaEpochs, settings.vanilla.epochs)}; ` +
    `steps of ${plan.children} children${asked(plan.children, settings.step.children)} and ${plural(plan.stepEpochs, 'epoch')}${asked(plan.stepEpochs, settings.step.epochs)}, ` +
    `until ${formatDuration(plan.searchUntil)}; then final training in the remaining time`
  );
}

const milliseconds = (value: number): string => (value < 10 ? value.toFixed(1) : value.toFixed(0));

/** The verification of an exported file in one line. */
export function describeExport({ verified, problem }: Pick<Exported, 'verified' | 'problem'>): string {
  if (verified === null) return `verification failed: ${printable(problem ?? '')}`;
  const { bytes, part, images, difference, fileAccuracy, latency } = verified;
  const like = problem === null ? 'same as the engine' : `do not use it: ${problem}`;
  return (
    `${formatBytes(bytes)}; on ${plural(images, `${part} image`)} logits within ${difference.toExponential(0)}, accuracy ${formatPercent(fileAccuracy)}, ${like}; ` +
    `${milliseconds(latency.one)} ms an image, ${milliseconds(latency.batch)} ms for ${latency.size}, ${plural(latency.threads, 'thread')}`
  );
}

export const stopWords: Readonly<Record<string, string>> = {
  steps: 'step limit reached',
  time: 'time limit reached',
  limits: 'no mutation fits the limits',
};

/**
 * Who computed what, of a run with workers on other machines: worker, what its bits depend on, tasks. With the version of Instar
 * where it is not the run's.
 */
export function describeWorkers({ computedBy }: RunState, config: Config): { readonly name: string; readonly text: string }[] {
  const found = new Map<string, { readonly bits: string; readonly tasks: string[] }>();
  for (const [task, workers] of computedBy)
    for (const { name, bits, instar } of workers) {
      const said = instar === config.instar ? bits : `${bits}, Instar ${instar}`;
      const known = found.get(name) ?? { bits: said, tasks: [] };
      if (!known.tasks.includes(task)) known.tasks.push(task);
      found.set(name, known);
    }
  return [...found].map(([name, { bits, tasks }]) => ({
    name: printable(name),
    text: printable(`${bits}: ${tasks.join(', ')}`),
  }));
}
