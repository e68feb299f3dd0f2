/** Samples the children of a step, from streams that are named by seed, step and child. */
import { sampleEdits, type Mutant } from '../morphism/mutate.ts';
import type { Limits } from '../morphism/operator.ts';
import { countMultiplyAdds, countParameters } from '../network/cost.ts';
import type { Network } from '../network/network.ts';
import { random } from '../util/random.ts';
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

/** Child 0 is the parent, trained on like the others (Elsken et al. 2017, Algorithm 1); the others are mutated. */
export function sampleChildren(parent: Network, context: Context, step: number, count: number): readonly Mutant[] {
  const { settings } = context;
  const sampling = {
    operators: settings.operators ?? methodOf(context).operators,
    mutations: settings.step.mutations,
    limits: limitsOf(context),
  };
  return Array.from({ length: count }, (_none, child) =>
    child === 0 ? { edits: [], network: parent } : sampleEdits(parent, sampling, random(settings.seed, 'mutate', step, child)),
  );
}

/** What a step starts, by its method. */
export const sampleStep: StartStep = (context, step, parent) => {
  const { start, grows } = methodOf(context);
  const { children: count, trained } = start(context.settings.step, random(context.settings.seed, 'draw', step));
  const children = sampleChildren(parent, context, step, count);
  return { children, trained, isExhausted: grows && children.every(({ edits }) => edits.length === 0) };
};
