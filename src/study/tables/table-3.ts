/** Table 3: what the winners are made of, by method. */
import { compositionOf, partNames, type Composition, type PartName } from '../composition.ts';
import { armLabel } from '../labels.ts';
import { publishedMethods } from '../published.ts';
import type { StudyResult } from '../result.ts';
import { summaryOf } from '../samples.ts';
import type { SpreadCell, Table } from '../table.ts';
import { groupsOf, missingNotes, publishedGroup } from './parts.ts';

/** As the paper's Table 3 names them. */
const partTitles: Readonly<Record<PartName, string>> = {
  convolution: 'conv blocks',
  separable: 'separable conv blocks',
  convex: 'convex combination',
  concat: 'concatenation',
  split: 'split up conv',
};

const cellOf = (made: readonly Composition[], value: (each: Composition) => number): SpreadCell | null => {
  const summary = summaryOf(made.map(value));
  return summary === null ? null : { mean: summary.mean, deviation: summary.deviation };
};

export function tableThree(result: StudyResult): Table {
  return {
    name: 'table-3',
    title: 'Table 3',
    caption: 'Layers of the winners by method, in % of all layers (mean ± standard deviation).',
    scale: result.scale,
    columns: [
      { kind: 'text', title: 'method' },
      ...partNames.map((part) => ({ kind: 'spread', title: `${partTitles[part]}, %`, digits: 1 }) as const),
      { kind: 'spread', title: 'layers', digits: 0 },
      { kind: 'number', title: 'n', digits: 0 },
    ],
    groups: [
      ...groupsOf(result, (arm) => {
        const made = arm.outcomes.map(({ network }) => compositionOf(network));
        return [
          [
            armLabel(arm),
            ...partNames.map((part) => cellOf(made, ({ shares }) => 100 * shares[part])),
            cellOf(made, ({ layers }) => layers),
            made.length,
          ],
        ];
      }),
      ...publishedGroup(result, (method) => [
        armLabel({ name: method, method }),
        ...partNames.map((part) => {
          const [mean, deviation] = publishedMethods[method].shares[part];
          return { mean, deviation, digits: 0 };
        }),
        null,
        8,
      ]),
    ],
    notes: [
      'Every convolution, batch normalisation, ReLU, separable convolution, merge, pool and dense layer counts one, so that a block Conv–BN–ReLU counts three. Pools and dense layers are among all layers and have no column; a split counts by the sum in which its branches meet.',
      ...missingNotes(result),
    ],
  };
}
