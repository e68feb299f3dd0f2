/** Rows of the list of runs. */
import { basename } from 'node:path';
import { conditionOf } from '../run/record/read.ts';
import { bestCandidate, currentParent } from '../search/ranking.ts';
import { candidateOf, lineage, validationOf } from '../search/state.ts';
import type { RunRow } from './api.ts';
import type { Feed } from './feed.ts';

export interface RunPlace {
  readonly id: string;
  readonly root: string;
  readonly study: string | null;
}

const longestSparkline = 60;

/** At most so many, evenly spaced, the last one included. */
function thinned(values: readonly number[], most: number): readonly number[] {
  if (values.length <= most) return values;
  return Array.from({ length: most }, (_none, at) => values[Math.round((at * (values.length - 1)) / (most - 1))] as number);
}

/** Of a folder without a readable run. */
export const emptyRow = ({ id, root, study }: RunPlace, changed: number): RunRow => ({
  id,
  name: basename(root),
  study,
  state: 'not begun',
  problem: null,
  method: null,
  data: null,
  preset: null,
  seed: null,
  best: null,
  test: null,
  steps: 0,
  seconds: 0,
  budget: null,
  begun: null,
  changed,
  events: 0,
  sparkline: [],
});

export function rowOf(place: RunPlace, { state, config, begun, folder }: Feed, changed: number): RunRow {
  const { search } = state;
  const parent = search.candidates.has('vanilla') ? (search.stop?.line ?? currentParent(search)) : null;
  const path = parent === null ? [] : lineage(search, parent);
  const accuracies = path.flatMap(({ epochs }) => epochs.flatMap(({ validation }) => validation?.accuracy ?? []));
  const best = parent === null ? null : candidateOf(search, bestCandidate(search) ?? parent);
  return {
    ...emptyRow(place, changed),
    state: conditionOf({ state, folder }),
    method: config.settings.method,
    data: config.data.name,
    preset: config.preset,
    seed: config.settings.seed,
    best:
      parent === null || best === null
        ? null
        : {
            accuracy: validationOf(search, parent)?.accuracy ?? null,
            parameters: best.parameters,
            multiplyAdds: best.multiplyAdds,
          },
    test: search.tests.get('final')?.measured.accuracy ?? null,
    steps: search.steps.filter(({ winner }) => winner !== null).length,
    seconds: state.seconds,
    budget: state.budget ?? config.budget,
    begun,
    events: state.events,
    sparkline: thinned(accuracies, longestSparkline),
  };
}
