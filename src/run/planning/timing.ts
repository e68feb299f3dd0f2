/**
 * Times what a forecast needs on this machine, in workers as a search uses them: the start network in both modes, two children of
 * the first step, and each operator. Writes nothing.
 */
import { propose, type Mutant } from '../../morphism/mutate.ts';
import type { OperatorName } from '../../morphism/edit.ts';
import { paperOperatorsWithSeparable } from '../../morphism/operators.ts';
import type { Network } from '../../network/network.ts';
import { startNetwork, type Context } from '../../search/next.ts';
import { limitsOf } from '../../search/sampling.ts';
import { coresOfRun } from '../../search/rungs.ts';
import { must } from '../../util/assert.ts';
import { mean } from '../../util/numbers.ts';
import { random } from '../../util/random.ts';
import { medianOf, sizeOf, stepsOf, type Size, type Timings, type ModeTimings } from './costs.ts';
import type { Plan } from '../record/events.ts';
import { probeInParallel, between, evaluations, planOf, probe, secondsAMinibatch, timeStart } from './measure.ts';
import type { ProbeResult, ProbeSetup } from './measure.ts';

/** Of a child: minibatches, at most, and the seconds after which no further one starts. */
const ofChild = { minibatches: 8, seconds: 2.5 };

export interface TimingResult {
  readonly timings: Timings;
  /** What the budget buys; null without one. */
  readonly plan: Plan | null;
  /** Seconds that a search with a budget takes for its own, shorter measurement. */
  readonly ownMeasurement: number;
}

/** Two children to time: the median by cost, and the one whose multiply-adds an activation differ most from it. */
function representatives(children: readonly Mutant[]): readonly Mutant[] {
  const grown = children.filter(({ edits }) => edits.length > 0);
  if (grown.length === 0) return [];
  const middle = medianOf(grown);
  const densityOf = ({ network }: Mutant): number => {
    const { multiplyAdds, activations } = sizeOf(network);
    return Math.log(multiplyAdds / activations);
  };
  const far = (child: Mutant): number => Math.abs(densityOf(child) - densityOf(middle));
  const other = grown.filter((child) => child !== middle).toSorted((a, b) => far(b) - far(a))[0];
  return other === undefined ? [middle] : [middle, other];
}

/** As many at a time as there are workers. */
async function inBatches<T, R>(
  items: readonly T[],
  workers: number,
  use: (items: readonly T[]) => Promise<readonly R[]>,
): Promise<R[]> {
  const results: R[] = [];
  for (let from = 0; from < items.length; from += workers) results.push(...(await use(items.slice(from, from + workers))));
  return results;
}

/** Children of the start network, each grown and trained on one thread, as many side by side as there are workers. */
function timeChildren(
  run: ProbeSetup,
  network: Network,
  children: readonly Mutant[],
): Promise<readonly { readonly child: Mutant; readonly results: ProbeResult }[]> {
  const { workers } = run.config;
  const count = children.length === 0 ? 0 : Math.max(workers, children.length);
  const dealt = Array.from({ length: count }, (_none, at) => must(children[at % children.length], 'child'));
  return inBatches(dealt, workers, async (some) => {
    const asked = some.map(({ edits }) => ({ network, edits, ...ofChild }));
    const results = await probeInParallel(run, asked);
    return some.map((child, at) => ({ child, results: must(results[at], 'probe') }));
  });
}

/** One edit of each operator, applied on one thread. */
function timeOperators(run: ProbeSetup, network: Network, context: Context): Promise<Timings['operators']> {
  const limits = limitsOf(context);
  const names = Object.keys({ ...paperOperatorsWithSeparable, ...context.settings.operators }) as OperatorName[];
  return inBatches(names, run.config.workers, (some) =>
    Promise.all(
      some.map(async (operator, at) => {
        const proposal = propose(operator, network, limits, random(context.settings.seed, 'probe', operator));
        if (proposal === undefined) return { operator, size: sizeOf(network), seconds: null };
        const results = await probe(run, { network, edits: [proposal.edit], minibatches: 0 }, String(at), 1);
        return { operator, size: sizeOf(proposal.network), seconds: between(results, 'drawn', 'grown') };
      }),
    ),
  );
}

/** From a probe's beginning to its first minibatch, that one not counted, and the same of the validation after it. */
function preparationOf(results: ProbeResult): number {
  const first = must(results.minibatches[0], 'minibatch') - must(results.reached.get('begun'), 'begun');
  const evaluation = between(results, 'evaluating', 'evaluated') / evaluations;
  return Math.max(0, first - secondsAMinibatch(results)) + Math.max(0, between(results, 'saved', 'evaluating') - evaluation);
}

function modeOf(results: readonly ProbeResult[], size: Size, children: ModeTimings['minibatches']): ModeTimings {
  const over = (of: (one: ProbeResult) => number): number => mean(results.map(of));
  return {
    start: over(({ start }) => start),
    preparation: over(preparationOf),
    evaluation: over((one) => between(one, 'evaluating', 'evaluated') / evaluations),
    verification: {
      first: over(({ verified }) => must(verified, 'what was verified').seconds),
      further: over((one) => between(one, 'comparing', 'compared') + must(one.verified, 'what was verified').batch),
    },
    saving: over((one) => between(one, 'trained', 'saved')),
    minibatches: [{ size, seconds: over(secondsAMinibatch) }, ...children],
  };
}

/** The certificates of the timed children, as that of one child of their mean size. */
function certificateOf(tried: Awaited<ReturnType<typeof timeChildren>>): Timings['certificate'] {
  if (tried.length === 0) return null;
  const sizes = tried.map(({ child }) => sizeOf(child.network));
  const over = (key: keyof Size): number => mean(sizes.map((size) => size[key]));
  const [parameters, multiplyAdds] = [over('parameters'), over('multiplyAdds')];
  const size = { parameters, multiplyAdds, activations: over('activations'), nodes: over('nodes') };
  return { seconds: mean(tried.map(({ results }) => between(results, 'grown', 'certified'))), size };
}

/** Times everything, and plans the budget where there is one. */
export async function timeAll(run: ProbeSetup, context: Context): Promise<TimingResult> {
  const { budget } = run.config;
  const { workers, threads } = coresOfRun(run.config);
  const begun = run.elapsed();
  const network = startNetwork(context);
  const size = sizeOf(network);
  const start = await timeStart(run, network, true);
  // A search's own measurement ends with the training.
  const own = (one: ProbeResult): number => one.start + between(one, 'begun', 'trained');
  const ownMeasurement = Math.max(...start.beside.map(own)) + (threads === 1 ? 0 : own(start.alone));
  const plan = budget === null ? null : planOf(run, context, budget, start, begun + ownMeasurement).plan;

  const children = representatives(context.startStep(context, 1, network).children);
  const tried = await timeChildren(run, network, children);
  const operators = await timeOperators(run, network, context);
  const [middle] = children;
  const alone =
    middle === undefined || threads === 1 ? null : await probe(run, { network: middle.network, ...ofChild }, 'child', threads);

  const beside = modeOf(
    start.beside,
    size,
    children.map((child) => ({
      size: sizeOf(child.network),
      seconds: mean(tried.filter((one) => one.child === child).map(({ results }) => secondsAMinibatch(results))),
    })),
  );
  const timings: Timings = {
    workers,
    threads,
    beside,
    alone:
      threads === 1
        ? beside
        : modeOf(
            [start.alone],
            size,
            alone === null || middle === undefined ? [] : [{ size: sizeOf(middle.network), seconds: secondsAMinibatch(alone) }],
          ),
    operators,
    certificate: certificateOf(tried),
    grown: tried.map(({ child, results }) => ({
      parent: size,
      steps: stepsOf(network, child.edits),
      seconds: between(results, 'drawn', 'certified'),
    })),
  };
  return { timings, plan, ownMeasurement };
}
