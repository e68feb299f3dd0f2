/** The best and the worst network of each method, with their layers: the lists of §5. */
import { compositionOf, partNames, type PartName } from '../composition.ts';
import { methods } from '../../search/methods/table.ts';
import { armLabel } from '../labels.ts';
import { measures } from '../measures.ts';
import { publishedMethods } from '../published.ts';
import type { Arm, Outcome, StudyResult } from '../result.ts';
import type { Cell, Table } from '../table.ts';
import { digitsFor, groupsOf, missingNotes, publishedGroup } from './parts.ts';

const shortTitles: Readonly<Record<PartName, string>> = {
  convolution: 'conv blocks',
  separable: 'separable',
  convex: 'convex',
  concat: 'concat',
  split: 'split',
};

interface Extremes {
  readonly best: Outcome;
  readonly worst: Outcome;
}

/** By test accuracy, of equal ones the first; null without a test. */
export function extremesOf({ outcomes }: Arm): Extremes | null {
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
      ...partNames.map((part) => ({ kind: 'number', title: shortTitles[part], digits: 0 }) as const),
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
      // A method's rows stand together.
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
