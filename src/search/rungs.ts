/** How a step's epochs are shared among its children: the rungs of successive halving, or the one of hill climbing. */
import type { Schedule } from '../training/schedule.ts';
import { methods, type Settings } from './settings.ts';

export interface Rung {
  /** Children that are planned to train in it. */
  readonly size: number;
  /** Epochs each of them is trained on for. */
  readonly epochs: number;
}

/** `8×5 4×10 2×20 1×40`. */
export const formatRungs = (rungs: readonly Rung[]): string => rungs.map(({ size, epochs }) => `${size}×${epochs}`).join(' ');

/** n, ⌈n/η⌉, … 1. */
export function rungSizes(children: number, eta: number): readonly number[] {
  const sizes = [children];
  for (let size = children; size > 1;) sizes.push((size = Math.ceil(size / eta)));
  return sizes;
}

const sizesOf = ({ method, step }: Settings): readonly number[] =>
  methods[method].selection === 'hill-climbing' ? [step.children] : rungSizes(step.children, step.eta);

/** Whether one child alone is trained, which is known beforehand. */
const trainsOne = ({ method }: Settings): boolean => ['random', 'none'].includes(methods[method].selection);

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

/** The fewest epochs a step that give each rung one: R·n. */
export function fewestEpochs(settings: Settings): number {
  const sizes = sizesOf(settings);
  return sizes.length * (sizes[0] as number);
}

/**
 * Each rung has E/R epochs for its n_r children: ⌊E/(R·n_r)⌋ each (Algorithm 1, and the epochs/steps of §3.3.2 for the last).
 * Hill climbing is one rung of all children. Where one child is drawn, it gets the epochs that halving's winner would.
 * A sentence with the numbers that would fit where a rung would get none.
 */
export function planRungs(settings: Settings): readonly Rung[] | string {
  const { epochs } = settings.step;
  const sizes = sizesOf(settings);
  const rungs = sizes.map((size) => ({
    size: trainsOne(settings) ? 1 : size,
    epochs: Math.floor(epochs / (sizes.length * size)),
  }));
  if (rungs.every((rung) => rung.epochs >= 1)) return rungs;
  const fits = Array.from({ length: settings.step.children }, (_none, fewer) => settings.step.children - fewer).find(
    (children) => children >= 2 && fewestEpochs({ ...settings, step: { ...settings.step, children } }) <= epochs,
  );
  return (
    `${epochs} epochs a step are too few for ${settings.step.children} children in ${sizes.length} rung${sizes.length === 1 ? '' : 's'}: ` +
    `at least ${fewestEpochs(settings)} would fit${fits === undefined ? '' : `, or ${fits} children`}`
  );
}

/** The slice of the learning rate's schedule that a rung trains (Figure 1), over its minibatches. */
export function scheduleOf(settings: Settings, rungs: readonly Rung[], index: number): Schedule {
  const { rate } = settings.step;
  if (methods[settings.method].restart === 'rung') return { kind: 'cosine', rate, from: 0, to: 1 };
  const before = rungs.slice(0, index).reduce((sum, rung) => sum + rung.epochs, 0);
  const total = rungs.reduce((sum, rung) => sum + rung.epochs, 0);
  return { kind: 'cosine', rate, from: before / total, to: (before + (rungs[index]?.epochs ?? 0)) / total };
}

/** The same of settings that were accepted when the run began; none where they would not be any more. */
export function rungsFor(settings: Settings): readonly Rung[] {
  const rungs = planRungs(settings);
  return typeof rungs === 'string' ? [] : rungs;
}
