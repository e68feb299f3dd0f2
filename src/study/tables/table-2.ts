/** Table 2: accuracy, size and cost of each method's networks; baselines and published values are separate groups. */
import { methods } from '../../search/methods/table.ts';
import { armLabel } from '../labels.ts';
import { armSummary, measures, valuesOf } from '../measures.ts';
import { paperRepetitions, publishedMethods } from '../published.ts';
import type { StudyResult } from '../result.ts';
import { meanInterval, type Interval, type Summary } from '../samples.ts';
import type { Cell, Table } from '../table.ts';
import { digitsFor, groupsOf, missingNotes, publishedGroup } from './parts.ts';
import { publishedNote } from './published-tests.ts';

const intervalOf = (summary: Summary | null): Interval | null => (summary === null ? null : meanInterval(summary));

export function tableTwo(result: StudyResult): Table {
  const { arms } = result;
  const published = publishedGroup(result, (method): readonly Cell[] => {
    const { test, parameters } = publishedMethods[method];
    const [mean, deviation] = test;
    return [
      methods[method].label,
      { mean, deviation },
      meanInterval({ count: paperRepetitions, mean, deviation }),
      { mean: parameters[0], deviation: parameters[1], digits: 1 },
      null,
      null,
      null,
      paperRepetitions,
    ];
  });
  return {
    name: 'table-2',
    title: 'Table 2',
    caption: 'Test accuracy, size and cost of the networks that each method found (mean ± standard deviation).',
    scale: result.scale,
    columns: [
      { kind: 'text', title: 'method' },
      { kind: 'spread', title: 'test accuracy, %', digits: 2 },
      { kind: 'interval', title: '95 % interval of the mean', digits: 2 },
      { kind: 'spread', title: 'parameters, M', digits: digitsFor(arms, measures.parameters) },
      { kind: 'spread', title: 'multiply-adds, M', digits: digitsFor(arms, measures.multiplyAdds) },
      { kind: 'spread', title: 'epochs of the winner’s lineage', digits: 0 },
      { kind: 'spread', title: 'hours of work', digits: digitsFor(arms, measures.hours) },
      { kind: 'number', title: 'n', digits: 0 },
    ],
    groups: [
      ...groupsOf(result, (arm) => [
        [
          armLabel(arm),
          armSummary(arm, measures.test),
          intervalOf(armSummary(arm, measures.test)),
          armSummary(arm, measures.parameters),
          armSummary(arm, measures.multiplyAdds),
          armSummary(arm, measures.epochs),
          armSummary(arm, measures.hours),
          valuesOf(arm, measures.test).length,
        ],
      ]),
      ...published,
    ],
    notes: [
      'The interval is Student’s, of the mean over repetitions. Multiply-adds are per image, forward. Epochs include those of the winner’s ancestors and the final training; hours do not include the shared vanilla network.',
      ...(published.length === 0 ? [] : [publishedNote()]),
      ...missingNotes(result),
    ],
  };
}
