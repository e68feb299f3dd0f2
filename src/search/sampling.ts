/** Samples the children of a step, from streams that are named by seed, step and child. */
import { sampleEdits, widenEvenly, type Mutant, type SamplingOptions } from '../morphism/mutate.ts';
import type { Limits } from '../morphism/operator.ts';
import { countMultiplyAdds, countParameters } from '../network/cost.ts';
import type { Network } from '../network/network.ts';
import { random } from '../util/random.ts';
import type { StepStart } from './methods/method.ts';
import { methodOf, type Context, type StartStep } from './next.ts';

/** The limits that mutations keep: asked of each mutated structure before it is made. */
export function limitsOf({ settings, fits }: Context): Limits {
  const { parameters, multiplyAdds, channels } = settings.limits;
  return {
    maxChannels: channels,
    admits: (network) =>
      countParameters(network) <= parameters &&
      (multiplyAdds === null || countMultiplyAdds(network) <= multiplyAdds) &&
      fits(network),
  };
}

/** Mutations of a child that is to have a given size, at most. */
const mostMutations = 8;

/**
 * Child 0 is the parent, trained on like the others (Elsken et al. 2017, Algorithm 1); the others are mutated. With a size child 0 is the
 * parent widened evenly, where that is among the operators, and the others have as many mutations as the size takes: the parent is
 * smaller, and not compared with them.
 */
export function sampleChildren(
  parent: Network,
  context: Context,
  step: number,
  count: number,
  size?: StepStart['size'],
): readonly Mutant[] {
  const { settings } = context;
  const operators = settings.operators ?? methodOf(context).operators;
  const limits = limitsOf(context);
  const sampling: SamplingOptions =
    size === undefined
      ? { operators, limits, mutations: settings.step.mutations }
      : {
          operators,
          limits: { ...limits, admits: (network) => countMultiplyAdds(network) <= size.most && limits.admits(network) },
          mutations: mostMutations,
          isEnough: (network) => countMultiplyAdds(network) >= size.least,
        };
  const first = (): Mutant | null => {
    if (size === undefined) return { edits: [], network: parent };
    return operators.widen === undefined ? null : widenEvenly(parent, sampling);
  };
  return Array.from(
    { length: count },
    (_none, child) =>
      (child === 0 ? first() : null) ?? sampleEdits(parent, sampling, random(settings.seed, 'mutate', step, child)),
  );
}

/** What a step starts, by its method. */
export const sampleStep: StartStep = (context, step, parent) => {
  const { start, grows } = methodOf(context);
  const { settings } = context;
  const started = start(
    { settings: settings.step, step, multiplyAdds: countMultiplyAdds(parent), limits: settings.limits },
    random(settings.seed, 'draw', step),
  );
  const { children: count, trained, size } = started;
  const children = sampleChildren(parent, context, step, count, size);
  return { children, trained, isExhausted: grows && children.every(({ edits }) => edits.length === 0) };
};
