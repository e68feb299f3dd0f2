/** Samples the children of a step, from streams that are named by seed, step and child. */
import {
  narrowEvenly,
  sampleEdits,
  widenEvenly,
  type Mutant,
  type Preference,
  type SamplingOptions,
} from '../morphism/mutate.ts';
import type { Limits } from '../morphism/operator.ts';
import type { OperatorWeights } from '../morphism/operators.ts';
import { countMultiplyAdds } from '../network/cost.ts';
import type { Network } from '../network/network.ts';
import { random } from '../util/random.ts';
import type { StepStart } from './methods/method.ts';
import { operatorsOf, preferenceOf, type Expectation } from './operator-choice.ts';
import { methodOf, type Context, type StartStep } from './next.ts';
import { excessOf, keepsLimits, limitsOn } from './sizes.ts';

/** The limits that mutations keep: asked of each mutated structure before it is made. */
export function limitsOf(context: Context): Limits {
  const sizes = limitsOn(context);
  return {
    maxChannels: context.settings.limits.channels,
    admits: (network) => keepsLimits(network, sizes) && context.passesFor(network) !== null,
  };
}

/** Mutations of a child that is to have a given size, at most. */
const mostMutations = 8;
/** The same where it is to shrink: each takes a part of one convolution. */
const mostReductions = 64;

/** The first children of a step that shrinks: narrowed evenly, and by more where that saves more. */
const savingExponents: readonly number[] = [0, 0.5, 1];

/** Mutations until a child has a size: growing from below, shrinking from above. */
function sizedSampling(
  context: Context,
  operators: OperatorWeights,
  preference: Preference | undefined,
  { of, least, most }: NonNullable<StepStart['size']>,
): SamplingOptions {
  const limits = limitsOf(context);
  switch (of) {
    case 'multiply-adds':
      return {
        operators,
        preference,
        limits: { ...limits, admits: (network) => countMultiplyAdds(network) <= most && limits.admits(network) },
        mutations: mostMutations,
        isEnough: (network) => countMultiplyAdds(network) >= least,
      };
    case 'excess': {
      const excess = (network: Network): number => excessOf(network, limitsOn(context));
      return {
        operators,
        preference,
        // A network that shrinks is over its limits until it is small enough.
        limits: { ...limits, admits: (network) => excess(network) >= least && context.passesFor(network) !== null },
        mutations: mostReductions,
        isEnough: (network) => excess(network) <= most,
      };
    }
  }
}

/**
 * One child may be the parent as it is, trained on like the others (Elsken et al. 2017, Algorithm 1); the others are mutated. With a size
 * child 0 is the parent widened evenly, where that is among the operators, and the others have as many mutations as the size takes.
 * `expected`: what the mutations are chosen by, where that is learned.
 */
export function sampleChildren(
  parent: Network,
  context: Context,
  step: number,
  { children, size, unmutated }: Pick<StepStart, 'children' | 'size' | 'unmutated'>,
  expected: readonly Expectation[] | null = null,
): readonly Mutant[] {
  const { settings } = context;
  const operators = operatorsOf(settings);
  const preference = expected === null ? undefined : preferenceOf(expected);
  const limits = limitsOf(context);
  const sampling =
    size === undefined
      ? { operators, preference, limits, mutations: settings.step.mutations }
      : sizedSampling(context, operators, preference, size);
  const excess = (network: Network): number => excessOf(network, limitsOn(context));
  return Array.from({ length: children }, (_none, child) => {
    if (unmutated && child === 0) return { edits: [], network: parent };
    if (child === 0 && size?.of === 'multiply-adds' && operators.widen !== undefined) return widenEvenly(parent, sampling);
    const narrowing = (bySaving: number): Mutant => {
      const narrowed = narrowEvenly(parent, { ...sampling, sizeOf: excess, bySaving });
      // Groups of channels are coarse in small networks: better smaller than wanted than over the limits.
      return sampling.isEnough?.(narrowed.network) === true
        ? narrowed
        : narrowEvenly(parent, { ...sampling, limits: { ...limits, admits: () => true }, sizeOf: excess, bySaving });
    };
    const exponent = size?.of === 'excess' && operators.narrow !== undefined ? savingExponents[child] : undefined;
    if (exponent !== undefined) return narrowing(exponent);
    const mutant = sampleEdits(parent, sampling, random(settings.seed, 'mutate', step, child));
    // What has not become small enough is no child.
    return size?.of === 'excess' && sampling.isEnough?.(mutant.network) !== true ? narrowing(0) : mutant;
  });
}

/** What a step starts, by its method. */
export const sampleStep: StartStep = (context, step, parent, expected = null) => {
  const { start, grows } = methodOf(context);
  const { settings } = context;
  const started = start(
    {
      settings: settings.step,
      step,
      multiplyAdds: countMultiplyAdds(parent),
      excess: excessOf(parent, limitsOn(context)),
      limits: settings.limits,
    },
    random(settings.seed, 'draw', step),
  );
  const { trained } = started;
  const children = sampleChildren(parent, context, step, started, expected);
  return { children, trained, isExhausted: grows && children.every(({ edits }) => edits.length === 0) };
};
