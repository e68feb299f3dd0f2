/**
 * The learned choice of mutations: operators, and the places where they act, are as likely as their weights say times a factor that
 * follows from what they have gained. What was gained in recorded runs is where a search begins, and its own gains count more and more.
 * Pure.
 */
import { operatorNames, type OperatorWeights } from '../morphism/operators.ts';
import type { OperatorName } from '../morphism/edit.ts';
import type { Preference } from '../morphism/mutate.ts';
import { gainsByOperator, lastPlace, placesOf, type Place, type Sum } from './gains.ts';
import { deviation, priorGains } from './operator-prior.ts';
import { methods } from './methods/table.ts';
import type { Settings } from './settings.ts';
import type { SearchState } from './state.ts';

/** As many children the earlier knowledge counts as: of recorded runs beside this one's, and of an operator beside a place's. */
const earlier = 8;

/** The most that a factor raises or lowers a weight by: nothing is excluded, and nothing is all. */
export const mostFactor = 4;

/** What is expected of an operator, at a place or (null) in all: the gain, and the factor of its weight. */
export interface Expectation {
  readonly operator: OperatorName;
  readonly place: Place | null;
  /** Of ln loss, over siblings of the same multiply-adds. */
  readonly gain: number;
  /** Children of this search that it follows from, each counted by its share of such edits. */
  readonly children: number;
  readonly factor: number;
}

/** A mean, as if there had been as many children of the prior gain. */
export const shrunk = (prior: number, { weight, sum }: Sum): number => (earlier * prior + sum) / (earlier + weight);
const nothing: Sum = { weight: 0, sum: 0 };

/** e times as likely for each standard deviation of the gains of siblings. */
const factorOf = (gain: number): number => Math.max(1 / mostFactor, Math.min(mostFactor, Math.exp(gain / deviation)));

const places: readonly Place[] = Array.from({ length: lastPlace + 1 }, (_none, place) => place);

/** What is expected of these operators after what a search has seen: of each in all, then at each place that is known. */
export function expectationsOf(state: SearchState, weights: OperatorWeights): readonly Expectation[] {
  const gained = gainsByOperator(state);
  return operatorNames
    .filter((name) => weights[name] !== undefined)
    .flatMap((operator): Expectation[] => {
      const [prior, own] = [priorGains[operator], gained.get(operator)];
      const gain = shrunk(prior?.gain ?? 0, own ?? nothing);
      const whole = { operator, place: null, gain, children: own?.weight ?? 0, factor: factorOf(gain) };
      const placed = places.flatMap((place) => {
        const [before, seen] = [prior?.places[place], own?.places.get(place)];
        if (before === undefined && seen === undefined) return [];
        // What a place adds to its operator in recorded runs, it is expected to add here.
        const expected = shrunk(gain + (before === undefined ? 0 : before - (prior?.gain ?? 0)), seen ?? nothing);
        return [{ operator, place, gain: expected, children: seen?.weight ?? 0, factor: factorOf(expected - gain) }];
      });
      return [whole, ...placed];
    });
}

/** What mutations are sampled from. */
export const operatorsOf = ({ operators, method }: Settings): OperatorWeights => operators ?? methods[method].operators;

/** What the next step is sampled by; null where its mutations are chosen by their weights alone. */
export const expectedBy = (state: SearchState, settings: Settings): readonly Expectation[] | null =>
  settings.operatorChoice === 'learned' ? expectationsOf(state, operatorsOf(settings)) : null;

/** The same as factors. */
export function preferenceOf(expectations: readonly Expectation[]): Preference {
  const factors = new Map(expectations.map(({ operator, place, factor }) => [`${operator} ${place ?? ''}`, factor]));
  return {
    ofOperator: (name) => factors.get(`${name} `) ?? 1,
    atPlaces: (name, network) => {
      const placeOf = placesOf(network);
      return (node) => factors.get(`${name} ${placeOf(node)}`) ?? 1;
    },
  };
}
