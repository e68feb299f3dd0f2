/** The rungs of a step as its method plans them, and the cores that its tasks get. */
import type { Rung } from './methods/method.ts';
import { methods } from './methods/table.ts';
import type { Settings } from './settings.ts';

/** `8×5 4×10 2×20 1×40`. */
export const formatRungs = (rungs: readonly Rung[]): string => rungs.map(({ size, epochs }) => `${size}×${epochs}`).join(' ');

/** The cores that there are for jobs side by side, and the most that one job takes of them. */
export interface Cores {
  readonly workers: number;
  readonly threads: number;
}

/** Of a run's configuration. */
export const coresOfRun = ({ workers, threads }: { readonly workers: number; readonly threads?: number | undefined }): Cores => ({
  workers,
  threads: Math.min(workers, threads ?? workers),
});

/** The cores that a task gets which is planned as one of `planned` side by side. */
export const coresOf = ({ workers, threads }: Cores, planned: number): number =>
  Math.max(1, Math.min(threads, Math.floor(workers / planned)));

export const fewestEpochs = ({ method, step }: Settings): number => methods[method].fewestEpochs(step);

/** The rungs of a step; or a sentence with the numbers that would fit where a rung would get no epoch. */
export function planRungs({ method, step }: Settings): readonly Rung[] | string {
  const { rungs: rungsOfStep, fewestEpochs: fewest, fewestChildren } = methods[method];
  if (step.children < fewestChildren) return `--children must be at least ${fewestChildren} with --method ${method}`;
  const rungs = rungsOfStep(step);
  if (rungs.every((rung) => rung.epochs >= 1)) return rungs;
  const fits = Array.from({ length: step.children }, (_none, fewer) => step.children - fewer).find(
    (children) => children >= fewestChildren && fewest({ ...step, children }) <= step.epochs,
  );
  return (
    `${step.epochs} epochs a step are too few for ${step.children} children in ${rungs.length} rung${rungs.length === 1 ? '' : 's'}: ` +
    `use at least ${fewest(step)}${fits === undefined ? '' : `, or ${fits} children`}`
  );
}

/** Rungs of settings that were checked. */
export function rungsOf(settings: Settings): readonly Rung[] {
  const rungs = planRungs(settings);
  if (typeof rungs === 'string') throw new Error(`bug: ${rungs}`);
  return rungs;
}

/** Of settings that were accepted when the run began; none where they would not be any more. */
export function rungsFor(settings: Settings): readonly Rung[] {
  const rungs = planRungs(settings);
  return typeof rungs === 'string' ? [] : rungs;
}

/** Epochs that a candidate has in all rungs. */
export const epochsOf = (rungs: readonly Rung[]): number => rungs.reduce((sum, { epochs }) => sum + epochs, 0);
