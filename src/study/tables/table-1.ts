/** Table 1: the effect of each augmentation on the vanilla network, beside the published values. */
import { additionsOff } from '../../data/augmentation/augmentation.ts';
import { armLabel } from '../labels.ts';
import { armSummary, measures } from '../measures.ts';
import { publishedSettings, type PublishedSetting } from '../published.ts';
import type { Arm, StudyResult } from '../result.ts';
import { spearman, spearmanProbability } from '../statistics.ts';
import { probability } from '../sentences.ts';
import { formatFixed, type Table } from '../table.ts';
import { missingNotes, untitled } from './parts.ts';

/** Whether an arm has none of the augmentations that the paper does not have. */
const hasPublishedOnly = ({ augmentation }: Arm): boolean =>
  Object.entries(additionsOff).every(([name, off]) => augmentation[name as keyof typeof additionsOff] === off);

/** The published setting with the same augmentations; null where there is none. */
export function publishedOf(arm: Arm): PublishedSetting | null {
  const { flip, normalise, shift, cutout, mixup } = arm.augmentation;
  if (!flip || !normalise || !hasPublishedOnly(arm)) return null;
  const found = publishedSettings.find(
    (setting) => setting.mixup === mixup > 0 && setting.cutout === cutout > 0 && setting.shift === shift > 0,
  );
  return found ?? null;
}

/**
 * Spearman's ρ with the paper's accuracies, null where all are equal, and its exact two-sided p; one per measure that all eight
 * published settings have, none where a setting is missing or duplicate.
 */
export function orderAgreements({ arms }: StudyResult) {
  const matched = arms.flatMap((arm) => {
    const published = publishedOf(arm);
    return published === null ? [] : [{ arm, published }];
  });
  const numbers = new Set(matched.map(({ published }) => published.number));
  if (matched.length !== publishedSettings.length || numbers.size !== matched.length) return [];
  const theirs = matched.map(({ published }) => published.validation);
  return [measures.augmented, measures.augmentedLast, measures.validation, measures.validationLast].flatMap((measure) => {
    const ours = matched.flatMap(({ arm }) => armSummary(arm, measure)?.mean ?? []);
    if (ours.length !== theirs.length) return [];
    return [{ measure, rho: spearman(ours, theirs), p: spearmanProbability(ours, theirs) }];
  });
}

export const formatOrderAgreement = ({ measure, rho, p }: ReturnType<typeof orderAgreements>[number]): string =>
  rho === null
    ? `${measure.words}: all equal, so there is no order`
    : `${measure.words}: ρ = ${formatFixed(rho, 2)}${p === null ? '' : ` (exact ${probability(p)})`}`;

export function tableOne(result: StudyResult): Table {
  const { arms } = result;
  const agreements = orderAgreements(result);
  const columns = [
    ['last epoch, clean', measures.validationLast],
    ['last five, clean', measures.validation],
    ['last epoch, augmented', measures.augmentedLast],
    ['last five, augmented', measures.augmented],
  ] as const;
  return {
    name: 'table-1',
    title: 'Table 1',
    caption:
      'Augmentations and the vanilla network: validation accuracy in %, after the last epoch and as the mean of the last five (of all, where there are fewer), on clean validation images and under the training augmentation (mean ± standard deviation of the repetitions).',
    scale: result.scale,
    columns: [
      { kind: 'text', title: 'setting' },
      ...(['flip', 'normalise', 'mixup', 'cutout', 'shift'] as const).map((title) => ({ kind: 'tick', title }) as const),
      ...columns.map(([title]) => ({ kind: 'spread', title, digits: 2 }) as const),
      { kind: 'number', title: 'n', digits: 0 },
      { kind: 'number', title: 'published, augmented', digits: 2 },
    ],
    groups: untitled(
      arms.map((arm) => {
        const { flip, normalise, mixup, cutout, shift } = arm.augmentation;
        return [
          armLabel(arm),
          flip,
          normalise,
          mixup > 0,
          cutout > 0,
          shift > 0,
          ...columns.map(([, measure]) => armSummary(arm, measure)),
          arm.outcomes.length,
          publishedOf(arm)?.validation ?? null,
        ];
      }),
    ),
    notes: [
      'The published values are of the paper’s vanilla network after 20 epochs, measured under the training augmentation.',
      ...(agreements.length === 0
        ? []
        : [
            `Spearman’s rank correlation with the paper’s order of the eight settings: ${agreements.map(formatOrderAgreement).join('; ')}.`,
          ]),
      ...missingNotes(result),
    ],
  };
}
