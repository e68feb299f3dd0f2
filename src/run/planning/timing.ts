/**
 * What a forecast needs to know of this machine, timed in workers as a search would use them: the first network in both ways
 * of working, two of the children that the first step would draw, and each operator. Nothing is written.
 */
import { propose, type Mutant } from '../../morphism/mutate.ts';
import type { OperatorName } from '../../morphism/edit.ts';
import { paperOperatorsWithSeparable } from '../../morphism/operators.ts';
import type { Network } from '../../network/network.ts';
import { drawChildren, limitsOf, startNetwork, type Context } from '../../search/next.ts';
import { coresOfRun } from '../../search/rungs.ts';
import { must } from '../../util/assert.ts';
import { mean } from '../../util/numbers.ts';
import { random } from '../../util/random.ts';
import { middleOf, sizeOf, stepsOf, type Size, type Timings, type Way } from './costs.ts';
import type { Plan } from '../record/events.ts';
import { besideEachOther, between, evaluations, planOf, probe, secondsEach, tryStart } from './measure.ts';
import type { Asked, Heard, Measuring } from './measure.ts';

/** Minibatches of a child, at most, and the seconds after which no further one is begun. */
const childMinibatches = 8;
const childSeconds = 2.5;

export interface Found {
  readonly timings: Timings;
  /** What the budget buys; null without one. */
  readonly plan: Plan | null;
  /** Seconds that a search with a budget takes for its own, shorter measurement. */
  readonly ownMeasurement: number;
}

/** Two children to try out: the middle one, and the one whose multiply-adds an activation differ most from its. */
function exemplary(children: readonly Mutant[]): readonly Mutant[] {
  const grown = children.filter(({ edits }) => edits.length > 0);
  if (grown.length === 0) return [];
  const middle = middleOf(grown);
  const densityOf = ({ network }: Mutant): number => {
    const { multiplyAdds, activations } = sizeOf(network);
    return Math.log(multiplyAdds / activations);
  };
  const far = (child: Mutant): number => Math.abs(densityOf(child) - densityOf(middle));
  const other = grown.filter((child) => child !== middle).toSorted((a, b) => far(b) - far(a))[0];
  return other === undefined ? [middle] : [middle, other];
}

/** As many at a time as there are workers. */
async function inTurns<T, R>(
  items: readonly T[],
  workers: number,
  use: (items: readonly T[]) => Promise<readonly R[]>,
): Promise<R[]> {
  const results: R[] = [];
  for (let from = 0; from < items.length; from += workers) results.push(...(await use(items.slice(from, from + workers))));
  return results;
}

/** Grown from the first network and trained on one thread, beside as many others as there are workers. */
function tryChildren(
  run: Measuring,
  network: Network,
  children: readonly Mutant[],
): Promise<readonly { readonly child: Mutant; readonly heard: Heard }[]> {
  const { workers } = run.config;
  const count = children.length === 0 ? 0 : Math.max(workers, children.length);
  const dealt = Array.from({ length: count }, (_none, at) => must(children[at % children.length], 'child'));
  return inTurns(dealt, workers, async (some) => {
    const asked = some.map(({ edits }): Asked => ({ network, edits, minibatches: childMinibatches, seconds: childSeconds }));
    const heard = await besideEachOther(run, asked);
    return some.map((child, at) => ({ child, heard: must(heard[at], 'probe') }));
  });
}

interface TriedOperator {
  readonly operator: OperatorName;
  readonly size: Size;
  /** Null where it applies nowhere. */
  readonly seconds: number | null;
}

/** One edit of each operator, made on one thread. */
function tryOperators(run: Measuring, network: Network, context: Context): Promise<readonly TriedOperator[]> {
  const limits = limitsOf(context);
  const names = Object.keys({ ...paperOperatorsWithSeparable, ...context.settings.operators }) as OperatorName[];
  return inTurns(names, run.config.workers, (some) =>
    Promise.all(
      some.map(async (operator, at) => {
        const proposal = propose(operator, network, limits, random(context.settings.seed, 'probe', operator));
        if (proposal === undefined) return { operator, size: sizeOf(network), seconds: null };
        const heard = await probe(run, { network, edits: [proposal.edit], minibatches: 0 }, String(at), 1);
        return { operator, size: sizeOf(proposal.network), seconds: between(heard, 'drawn', 'grown') };
      }),
    ),
  );
}

/** From a probe's beginning to its first minibatch, that one not counted, and the same of the validation after it. */
function preparationOf(heard: Heard): number {
  const first = must(heard.minibatches[0], 'minibatch') - must(heard.reached.get('begun'), 'begun');
  const evaluation = between(heard, 'evaluating', 'evaluated') / evaluations;
  return Math.max(0, first - secondsEach(heard)) + Math.max(0, between(heard, 'saved', 'evaluating') - evaluation);
}

function wayOf(heard: readonly Heard[], size: Size, children: Way['minibatches']): Way {
  const over = (of: (one: Heard) => number): number => mean(heard.map(of));
  return {
    start: over(({ start }) => start),
    preparation: over(preparationOf),
    evaluation: over((one) => between(one, 'evaluating', 'evaluated') / evaluations),
    verification: {
      first: over(({ verified }) => must(verified, 'what was verified').seconds),
      further: over((one) => between(one, 'comparing', 'compared') + must(one.verified, 'what was verified').batch),
    },
    saving: over((one) => between(one, 'trained', 'saved')),
    minibatches: [{ size, seconds: over(secondsEach) }, ...children],
  };
}

/** The certificate of the children that were tried out, as that of one child of their mean size. */
function certificateOf(tried: Awaited<ReturnType<typeof tryChildren>>): Timings['certificate'] {
  if (tried.length === 0) return null;
  const sizes = tried.map(({ child }) => sizeOf(child.network));
  const over = (of: (size: Size) => number): number => mean(sizes.map(of));
  return {
    seconds: mean(tried.map(({ heard }) => between(heard, 'grown', 'certified'))),
    size: {
      parameters: over(({ parameters }) => parameters),
      multiplyAdds: over(({ multiplyAdds }) => multiplyAdds),
      activations: over(({ activations }) => activations),
      nodes: over(({ nodes }) => nodes),
    },
  };
}

/** Times everything; with a budget also what the search would make of it. */
export async function timeAll(run: Measuring, context: Context): Promise<Found> {
  const { budget } = run.config;
  const { workers, threads } = coresOfRun(run.config);
  const begun = run.elapsed();
  const network = startNetwork(context);
  const size = sizeOf(network);
  const start = await tryStart(run, network, true);
  // That of a search ends where the training does.
  const own = (one: Heard): number => one.start + between(one, 'begun', 'trained');
  const ownMeasurement = Math.max(...start.beside.map(own)) + (threads === 1 ? 0 : own(start.alone));
  const plan = budget === null ? null : planOf(run, context, budget, start, begun + ownMeasurement).plan;

  const children = exemplary(drawChildren(network, context, 1));
  const tried = await tryChildren(run, network, children);
  const operators = await tryOperators(run, network, context);
  const [middle] = children;
  const alone =
    middle === undefined || threads === 1
      ? null
      : await probe(run, { network: middle.network, minibatches: childMinibatches, seconds: childSeconds }, 'child', threads);

  const beside = wayOf(
    start.beside,
    size,
    children.map((child) => ({
      size: sizeOf(child.network),
      seconds: mean(tried.filter((one) => one.child === child).map(({ heard }) => secondsEach(heard))),
    })),
  );
  const timings: Timings = {
    workers,
    threads,
    beside,
    alone:
      threads === 1
        ? beside
        : wayOf(
            [start.alone],
            size,
            alone === null || middle === undefined ? [] : [{ size: sizeOf(middle.network), seconds: secondsEach(alone) }],
          ),
    operators,
    certificate: certificateOf(tried),
    grown: tried.map(({ child, heard }) => ({
      parent: size,
      steps: stepsOf(network, child.edits),
      seconds: between(heard, 'drawn', 'certified'),
    })),
  };
  return { timings, plan, ownMeasurement };
}
