/** The layers of the networks by method: Table 3, and the best and the worst network of each (the lists of §5). */
import { methods } from '../../search/methods/table.ts';
import { compositionOf, partNames, type Composition, type PartName } from '../composition.ts';
import { armLabel } from '../labels.ts';
import { measures } from '../measures.ts';
import { paperRepetitions, publishedMethods } from '../published.ts';
import type { Arm, Outcome, StudyResult } from '../result.ts';
import { summaryOf } from '../samples.ts';
import type { Cell, SpreadCell, Table } from '../table.ts';
import { digitsFor, groupsOf, missingNotes, publishedGroup } from './parts.ts';

/** The names of the parts in the paper's Table 3, and short names. */
const partTitles: { readonly [K in PartName]: readonly [title: string, short: string] } = {
  convolution: ['conv blocks', 'conv blocks'],
  separable: ['separable conv blocks', 'separable'],
  convex: ['convex combination', 'convex'],
  concat: ['concatenation', 'concat'],
  split: ['split up conv', 'split'],
};

const cellOf = (networks: readonly Composition[], value: (each: Composition) => number): SpreadCell | null =>
  summaryOf(networks.map(value));

export function tableThree(result: StudyResult): Table {
  return {
    name: 'table-3',
    title: 'Table 3',
    caption: 'Layers of the winners by method, in % of all layers (mean ± standard deviation).',
    scale: result.scale,
    columns: [
      { kind: 'text', title: 'method' },
      ...partNames.map((part) => ({ kind: 'spread', title: `${partTitles[part][0]}, %`, digits: 1 }) as const),
      { kind: 'spread', title: 'layers', digits: 0 },
      { kind: 'number', title: 'n', digits: 0 },
    ],
    groups: [
      ...groupsOf(result, (arm) => {
        const networks = arm.outcomes.map(({ network }) => compositionOf(network));
        return [
          [
            armLabel(arm),
            ...partNames.map((part) => cellOf(networks, ({ shares }) => 100 * shares[part])),
            cellOf(networks, ({ layers }) => layers),
            networks.length,
          ],
        ];
      }),
      ...publishedGroup(result, (method) => [
        methods[method].label,
        ...partNames.map((part) => {
          const [mean, deviation] = publishedMethods[method].shares[part];
          return { mean, deviation, digits: 0 };
        }),
        null,
        paperRepetitions,
      ]),
    ],
    notes: [
      'Every convolution, batch normalisation, ReLU, separable convolution, merge, pool and dense layer counts as one layer, so a block Conv–BN–ReLU counts as three. Pools and dense layers have no column. A split counts as the sum of its branches.',
      ...missingNotes(result),
    ],
  };
}

/** The best and the worst outcome by test accuracy, the first of equal ones; null without a test evaluation. */
export function extremesOf({ outcomes }: Arm) {
  const tested = outcomes.filter(({ test }) => test !== null);
  const [first] = tested;
  if (first === undefined) return null;
  const test = (outcome: Outcome): number => outcome.test ?? 0;
  return {
    best: tested.reduce((best, each) => (test(each) > test(best) ? each : best), first),
    worst: tested.reduce((worst, each) => (test(each) < test(worst) ? each : worst), first),
  };
}

function rowOf(arm: Arm, which: string, { network, test, parameters, run }: Outcome): readonly Cell[] {
  const { layers, counts } = compositionOf(network);
  return [
    armLabel(arm),
    which,
    test === null ? null : 100 * test,
    layers,
    ...partNames.map((part) => counts[part]),
    parameters / 1e6,
    run,
  ];
}

export function networksTable(result: StudyResult): Table {
  const published = publishedGroup(result, (method) => {
    const { test, layers, counts } = publishedMethods[method].best;
    return [methods[method].label, 'best', test, layers, ...partNames.map((part) => counts[part]), null, null];
  });
  const worst = publishedGroup(result, (method) => [
    methods[method].label,
    'worst',
    publishedMethods[method].worst,
    ...partNames.map(() => null),
    null,
    null,
    null,
  ]);
  return {
    name: 'networks',
    title: 'Best and worst',
    caption: 'The networks with the highest and the lowest test accuracy of each method, and their layers.',
    scale: result.scale,
    columns: [
      { kind: 'text', title: 'method' },
      { kind: 'text', title: '' },
      { kind: 'number', title: 'test accuracy, %', digits: 2 },
      { kind: 'number', title: 'layers', digits: 0 },
      ...partNames.map((part) => ({ kind: 'number', title: partTitles[part][1], digits: 0 }) as const),
      { kind: 'number', title: 'parameters, M', digits: digitsFor(result.arms, measures.parameters) },
      { kind: 'text', title: 'run' },
    ],
    groups: [
      ...groupsOf(result, (arm) => {
        const found = extremesOf(arm);
        if (found === null) return [];
        const { best, worst: last } = found;
        if (best !== last) return [rowOf(arm, 'best', best), rowOf(arm, 'worst', last)];
        return [rowOf(arm, arm.outcomes.filter(({ test }) => test !== null).length === 1 ? 'only' : 'all alike', best)];
      }),
      // Keep the rows of a method together.
      ...published.map((group, at) => ({
        ...group,
        rows: group.rows.flatMap((row, index) => [row, worst[at]?.rows[index] ?? []]),
      })),
    ],
    notes: [
      'Layers are counted as in Table 3; in the other columns each block or merge counts as one. The accuracy of the best network is optimistic, since it was selected by its test accuracy.',
      ...missingNotes(result),
    ],
  };
}
