/** Samples the children of a step, from streams that are named by seed, step and child. */
import { sampleEdits, widenEvenly, type Mutant, type SamplingOptions } from '../morphism/mutate.ts';
import type { Limits } from '../morphism/operator.ts';
import { countMultiplyAdds, countParameters } from '../network/cost.ts';
import type { Network } from '../network/network.ts';
import { random } from '../util/random.ts';
import type { StepStart } from './methods/method.ts';
import { methodOf, type Context, type StartStep } from './next.ts';

/** The limits that mutations keep: asked of each mutated structure before it is made. */
export function limitsOf({ settings, passesFor }: Context): Limits {
  const { parameters, multiplyAdds, channels } = settings.limits;
  return {
    maxChannels: channels,
    admits: (network) =>
      countParameters(network) <= parameters &&
      (multiplyAdds === null || countMultiplyAdds(network) <= multiplyAdds) &&
      passesFor(network) !== null,
  };
}

/** Mutations of a child that is to have a given size, at most. */
const mostMutations = 8;

/**
 * One child may be the parent as it is, trained on like the others (Elsken et al. 2017, Algorithm 1); the others are mutated. With a size
 * child 0 is the parent widened evenly, where that is among the operators, and the others have as many mutations as the size takes.
 */
export function sampleChildren(
  parent: Network,
  context: Context,
  step: number,
  { children, size, unmutated }: Pick<StepStart, 'children' | 'size' | 'unmutated'>,
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
  return Array.from({ length: children }, (_none, child) => {
    if (unmutated && child === 0) return { edits: [], network: parent };
    if (child === 0 && size !== undefined && operators.widen !== undefined) return widenEvenly(parent, sampling);
    return sampleEdits(parent, sampling, random(settings.seed, 'mutate', step, child));
  });
}

/** What a step starts, by its method. */
export const sampleStep: StartStep = (context, step, parent) => {
  const { start, grows } = methodOf(context);
  const { settings } = context;
  const started = start(
    { settings: settings.step, step, multiplyAdds: countMultiplyAdds(parent), limits: settings.limits },
    random(settings.seed, 'draw', step),
  );
  const { trained } = started;
  const children = sampleChildren(parent, context, step, started);
  return { children, trained, isExhausted: grows && children.every(({ edits }) => edits.length === 0) };
};
