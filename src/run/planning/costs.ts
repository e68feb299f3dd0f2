/**
 * What a task costs in seconds, by what was timed on this machine: a few networks, and from them any other by its size. Pure;
 * it knows no search and no clock.
 */
import { applyToNetwork } from '../../morphism/apply.ts';
import type { Edit, OperatorName } from '../../morphism/edit.ts';
import { countActivations, countMultiplyAdds, countParameters } from '../../network/cost.ts';
import type { Network } from '../../network/network.ts';
import { must } from '../../util/assert.ts';

/** Of a network, an image. */
export interface Size {
  readonly parameters: number;
  readonly multiplyAdds: number;
  readonly activations: number;
  readonly nodes: number;
}

export const sizeOf = (network: Network): Size => ({
  parameters: countParameters(network),
  multiplyAdds: countMultiplyAdds(network),
  activations: countActivations(network),
  nodes: network.nodes.length,
});

/** Seconds in one mode: as many jobs of one thread as there are workers, or one job of all threads. */
export interface ModeTimings {
  /** From the request for a new worker to the start of its job. */
  readonly start: number;
  /** Of the start network: from the start of a task to its first minibatch, without that minibatch. */
  readonly preparation: number;
  /** A batch of validation images. */
  readonly evaluation: number;
  /** Its checkpoint at the end of an epoch. */
  readonly saving: number;
  /** Verification of its file: with one batch of images, and for each further one. */
  readonly verification: { readonly first: number; readonly further: number };
  /** A minibatch of training: of the start network first, then of sampled children. */
  readonly minibatches: readonly { readonly size: Size; readonly seconds: number }[];
}

export interface Timings {
  readonly workers: number;
  /** Of the job alone. */
  readonly threads: number;
  readonly beside: ModeTimings;
  /** With one worker the same as `beside`. */
  readonly alone: ModeTimings;
  /** Each applied to the start network and calibrated, on one thread; null where it applies nowhere. */
  readonly operators: readonly { readonly operator: OperatorName; readonly seconds: number | null; readonly size: Size }[];
  /** The certificate of one such child; null where none was made. One thread. */
  readonly certificate: { readonly seconds: number; readonly size: Size } | null;
  /** Sampled children: the time to grow and certify them. */
  readonly grown: readonly { readonly parent: Size; readonly steps: readonly Grown[]; readonly seconds: number }[];
}

/** An edit, and the network after it. */
export interface Grown {
  readonly operator: OperatorName;
  readonly size: Size;
}

export interface Costs {
  /** Seconds a minibatch of training. */
  minibatch(size: Size, threads: number): number;
  /** Seconds a batch of evaluation. */
  evaluation(size: Size, threads: number): number;
  preparation(size: Size, threads: number): number;
  saving(size: Size): number;
  /** Growing a child by these edits, and certifying it. */
  growth(parent: Size, steps: readonly Grown[]): number;
  verification(size: Size, threads: number, batches: number): number;
  start(threads: number): number;
}

type Fit = (size: Size) => number;

/**
 * Seconds as a·multiply-adds + b·activations, neither negative, with the least squares of relative errors over the networks
 * that were timed; those are as they were timed.
 */
export function fitSeconds(timed: ModeTimings['minibatches']): Fit {
  const rows = timed.map(({ size, seconds }) => [size.multiplyAdds / seconds, size.activations / seconds] as const);
  const sum = (of: (row: readonly [number, number]) => number): number => rows.reduce((total, row) => total + of(row), 0);
  const [xx, xy, yy] = [sum(([x]) => x * x), sum(([x, y]) => x * y), sum(([, y]) => y * y)];
  const [x1, y1] = [sum(([x]) => x), sum(([, y]) => y)];
  const determinant = xx * yy - xy * xy;
  // Networks of one shape say nothing of which of the two it is.
  const regular = rows.length > 1 && determinant > 1e-6 * xx * yy;
  let a = regular ? (x1 * yy - y1 * xy) / determinant : x1 / xx;
  let b = regular ? (y1 * xx - x1 * xy) / determinant : 0;
  if (a < 0) [a, b] = [0, y1 / yy];
  if (b < 0) [a, b] = [x1 / xx, 0];
  return (size) =>
    timed.find((one) => one.size.multiplyAdds === size.multiplyAdds && one.size.activations === size.activations)?.seconds ??
    a * size.multiplyAdds + b * size.activations;
}

/** What takes `one` on one thread and `all` on the most: on so many, between them by a power of their number. */
export function betweenThreads(one: number, all: number, threads: number, most: number): number {
  if (most === 1 || threads <= 1) return one;
  const share = Math.log(threads) / Math.log(most);
  return one ** (1 - share) * all ** share;
}

export function costsOf({ threads: most, beside, alone, operators, certificate, grown }: Timings): Costs {
  const start = must(beside.minibatches[0], 'the first network').size;
  const [fitBeside, fitAlone] = [fitSeconds(beside.minibatches), fitSeconds(alone.minibatches)];
  const between = (one: number, all: number, threads: number): number => betweenThreads(one, all, threads, most);
  const minibatch = (size: Size, threads: number): number => between(fitBeside(size), fitAlone(size), threads);
  /** Its time over the start network's. */
  const times = (size: Size, threads: number): number => minibatch(size, threads) / minibatch(start, threads);
  const evaluation = (size: Size, threads: number): number =>
    times(size, threads) * between(beside.evaluation, alone.evaluation, threads);

  const applied = operators.filter(({ seconds }) => seconds !== null);
  const usual = applied.reduce((sum, { seconds, size }) => sum + (seconds ?? 0) / minibatch(size, 1), 0) / applied.length;
  /** Of an operator, in minibatches of what it makes. */
  const minibatchesOf = (operator: OperatorName): number => {
    const found = applied.find((one) => one.operator === operator);
    return found === undefined ? (applied.length === 0 ? 0 : usual) : (found.seconds ?? 0) / minibatch(found.size, 1);
  };
  const certified = (parent: Size, child: Size): number =>
    certificate === null
      ? 0
      : (certificate.seconds * (minibatch(parent, 1) + minibatch(child, 1))) /
        (minibatch(start, 1) + minibatch(certificate.size, 1));
  const grows = (parent: Size, steps: readonly Grown[]): number => {
    const child = steps.at(-1)?.size;
    if (child === undefined) return 0;
    const edits = steps.reduce((sum, { operator, size }) => sum + minibatchesOf(operator) * minibatch(size, 1), 0);
    return edits + certified(parent, child);
  };
  // Corrected by the children that were timed.
  const said = grown.reduce((sum, { parent, steps }) => sum + grows(parent, steps), 0);
  const took = grown.reduce((sum, { seconds }) => sum + seconds, 0);
  const factor = said > 0 ? took / said : 1;

  return {
    minibatch,
    evaluation,
    preparation: (size, threads) => (size.nodes / start.nodes) * between(beside.preparation, alone.preparation, threads),
    saving: (size) => (size.parameters / start.parameters) * beside.saving,
    growth: (parent, steps) => factor * grows(parent, steps),
    verification: (size, threads, batches) => {
      const over = ({ verification: { first, further } }: ModeTimings): number => first + Math.max(0, batches - 1) * further;
      return times(size, threads) * between(over(beside), over(alone), threads);
    },
    start: (threads) => between(beside.start, alone.start, threads),
  };
}

/** The edits of a child, each with the network after it. */
export function stepsOf(parent: Network, edits: readonly Edit[]): readonly Grown[] {
  let network = parent;
  return edits.map((edit) => {
    const next = applyToNetwork(network, edit);
    if (typeof next === 'string') throw new Error(`bug: ${next}`);
    network = next;
    return { operator: edit.kind, size: sizeOf(network) };
  });
}

/** The median child by cost; of two the larger. */
export const medianOf = <T extends { readonly network: Network }>(children: readonly T[]): T => {
  const sorted = children.toSorted((a, b) => countMultiplyAdds(a.network) - countMultiplyAdds(b.network));
  return must(sorted[sorted.length >> 1], 'child');
};
