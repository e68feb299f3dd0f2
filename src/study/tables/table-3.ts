/** Table 3: the layers of the winners, by method. */
import { compositionOf, partNames, type Composition, type PartName } from '../composition.ts';
import { methods } from '../../search/methods/table.ts';
import { armLabel } from '../labels.ts';
import { paperRepetitions, publishedMethods } from '../published.ts';
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
      ...partNames.map((part) => ({ kind: 'spread', title: `${partTitles[part]}, %`, digits: 1 }) as const),
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
