/** Test accuracy against parameters of every winner, by arm. */
import { armLabel } from '../../study/labels.ts';
import { formatCount, formatPercent, plural } from '../../util/words.ts';
import { domainOf, percentAxis, plotArea } from '../chart.ts';
import { narrowWidth, wideWidth, type Figure, type Svg } from '../figure.ts';
import { parameterAxis } from '../figures/size.ts';
import { html } from '../markup.ts';
import { armMarks } from './arm-marks.ts';
import type { StudyDetails } from './study.ts';

/** The tested networks of all arms, baselines first. */
const pointsOf = ({ result: { arms } }: StudyDetails) =>
  arms
    .toSorted((a, b) => Number(b.baseline) - Number(a.baseline))
    .flatMap((arm) =>
      arm.outcomes.flatMap(({ test, parameters, repetition }) => (test === null ? [] : [{ arm, test, parameters, repetition }])),
    );

function draw(study: StudyDetails, width: number, plotHeight: number): Svg {
  const points = pointsOf(study);
  const { arms } = study.result;
  const { mark, legend } = armMarks(arms);
  const shown = arms.filter((arm) => points.some((point) => point.arm === arm));
  const names = legend(shown, 44, width - 58);
  const height = plotHeight + names.height;
  const sizes = points.map(({ parameters }) => parameters);
  const accuracies = points.map(({ test }) => test);
  const area = plotArea(
    width,
    height,
    parameterAxis(sizes, width > 600 ? 10 : 6),
    percentAxis('test accuracy, %', domainOf(accuracies, 0.1, 0.004)),
    { top: 30 + names.height },
  );
  const marks = points.map(({ arm, test, parameters, repetition }) => {
    const title = `${armLabel(arm)}, repetition ${repetition}: ${formatCount(parameters)} parameters, ${formatPercent(test)}`;
    return mark(arm, area.x(parameters), area.y(test), title);
  });
  return { width, height, content: html`${area.axes}${names.content}${marks}` };
}

export function winnersFigure(study: StudyDetails): Figure | null {
  const points = pointsOf(study);
  if (points.length === 0) return null;
  const values = study.result.arms.map((arm) => {
    const own = points.filter((point) => point.arm === arm);
    return `${armLabel(arm)}: ${own.map(({ test, parameters }) => `${formatCount(parameters)} ${formatPercent(test)}`).join(', ')}`;
  });
  return {
    name: 'size',
    title: 'Accuracy against parameters',
    alternative: `Test accuracy of ${plural(points.length, 'network')} against their parameters. ${values.join('; ')}.`,
    caption: 'The tested network of every repetition. Outlined: baselines.',
    narrow: draw(study, narrowWidth, 290),
    wide: draw(study, wideWidth, 330),
  };
}
