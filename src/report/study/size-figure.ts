/** Test accuracy against parameters of every winner, by arm. */
import { armLabel } from '../../study/labels.ts';
import { formatCount, formatPercent, plural } from '../../util/words.ts';
import { domainOf, percentAxis, plane } from '../chart.ts';
import { narrowWidth, wideWidth, type Drawing, type Figure } from '../figure.ts';
import { html } from '../markup.ts';
import { armMarks } from './arm-marks.ts';
import type { ShownStudy } from './study.ts';

function draw({ result: { arms } }: ShownStudy, width: number, tall: number): Drawing {
  const shown = arms.filter(({ outcomes }) => outcomes.some(({ test }) => test !== null));
  const points = shown.flatMap((arm) =>
    arm.outcomes.flatMap(({ test, parameters, repetition, run }) =>
      test === null ? [] : [{ arm, test, parameters, repetition, run }],
    ),
  );
  const { mark, legend } = armMarks(arms);
  const names = legend(shown, 44, width - 58);
  const height = tall + names.height;
  const [low, high] = domainOf(
    points.map(({ parameters }) => Math.log10(parameters)),
    0.08,
    0.3,
  );
  const area = plane(
    width,
    height,
    {
      domain: [10 ** low, 10 ** high],
      title: 'parameters (logarithmic)',
      ticks: width > 600 ? 10 : 6,
      logarithmic: true,
      format: formatCount,
    },
    percentAxis(
      'test accuracy, %',
      domainOf(
        points.map(({ test }) => test),
        0.1,
        0.004,
      ),
    ),
    { top: 30 + names.height },
  );
  // Baselines below.
  const marks = points
    .toSorted((a, b) => Number(b.arm.baseline) - Number(a.arm.baseline))
    .map(({ arm, test, parameters, repetition }) =>
      mark(
        arm,
        area.x(parameters),
        area.y(test),
        `${armLabel(arm)}, repetition ${repetition}: ${formatCount(parameters)} parameters, ${formatPercent(test)}`,
      ),
    );
  return { width, height, content: html`${area.axes}${names.content}${marks}` };
}

export function winnersFigure(study: ShownStudy): Figure | null {
  const { arms } = study.result;
  const count = arms.flatMap(({ outcomes }) => outcomes.filter(({ test }) => test !== null)).length;
  if (count === 0) return null;
  return {
    name: 'size',
    title: 'Accuracy against size',
    alternative: `Test accuracy of ${plural(count, 'network')} against their parameters. ${arms.map((arm) => `${armLabel(arm)}: ${arm.outcomes.map(({ test, parameters }) => `${formatCount(parameters)} ${test === null ? '' : formatPercent(test)}`).join(', ')}`).join('; ')}.`,
    caption: html`Every repetition’s network as it was tested. Outlines: baselines. The vanilla network has one size.`,
    narrow: draw(study, narrowWidth, 290),
    wide: draw(study, wideWidth, 330),
  };
}
