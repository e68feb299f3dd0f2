/** The accuracies of every repetition, an arm a row, with mean and interval: no repetition is hidden in a bar. */
import { armLabel } from '../../study/labels.ts';
import { accuracyOf, armSummary, type Measure } from '../../study/measures.ts';
import type { Arm } from '../../study/result.ts';
import { meanInterval } from '../../study/samples.ts';
import { formatFixed } from '../../study/table.ts';
import { publishedOf } from '../../study/tables/table-1.ts';
import { domainOf, label, mark as plainMark, plane, swarm } from '../chart.ts';
import { narrowWidth, wideWidth, type Drawing, type Figure } from '../figure.ts';
import { coordinate, html, type Markup } from '../markup.ts';
import { armMarks } from './arm-marks.ts';
import type { ShownStudy } from './study.ts';

const rowHeight = 52;
interface Row {
  readonly arm: Arm;
  readonly values: readonly { readonly value: number; readonly repetition: number }[];
  /** The paper's figure; for Table 1. */
  readonly published: number | null;
}

const shortened = (name: string, most: number): string => (name.length <= most ? name : `${name.slice(0, most - 1)}…`);

function draw(study: ShownStudy, rows: readonly Row[], measure: Measure, width: number): Drawing {
  const left = width > 600 ? 190 : 116;
  const height = 58 + rows.length * rowHeight;
  const values = rows.flatMap(({ values: own, published }) => [
    ...own.map(({ value }) => value),
    ...(published === null ? [] : [published]),
  ]);
  const area = plane(
    width,
    height,
    {
      domain: domainOf(values, 0.08, 0.4),
      title: `${measure.words}, %`,
      ticks: width > 600 ? 10 : 5,
      format: (value) => String(Number(value.toFixed(2))),
    },
    { domain: [0, 1], title: '', ticks: 0, format: String },
    { left, top: 14, right: 20 },
  );
  const { mark } = armMarks(study.result.arms);
  const drawn = rows.map(({ arm, values: own, published }, index): Markup => {
    const y = area.top + (index + 0.5) * rowHeight;
    const places = own.map(({ value }) => area.x(value));
    const heights = swarm(places, 8, 18);
    const summary = armSummary(arm, measure);
    const interval = summary === null ? null : meanInterval(summary);
    const spread = summary?.deviation ?? null;
    const words =
      summary === null
        ? 'none has ended'
        : `${formatFixed(summary.mean, measure.digits)}${spread === null ? '' : ` ± ${formatFixed(spread, measure.digits)}`}`;
    const bar =
      summary === null
        ? null
        : html`${interval === null ? null : html`<line class="interval" x1="${coordinate(area.x(interval[0]))}" x2="${coordinate(area.x(interval[1]))}" y1="${y + 22}" y2="${y + 22}" />`}<line
              class="mean"
              x1="${coordinate(area.x(summary.mean))}"
              x2="${coordinate(area.x(summary.mean))}"
              y1="${y - 18}"
              y2="${y + 25}"
            />`;
    return html`<line
        class="grid"
        x1="${area.left}"
        x2="${area.right}"
        y1="${y}"
        y2="${y}"
      />${bar}${published === null ? null : plainMark('hollow', area.x(published), y, `the paper: ${formatFixed(published, 2)} %`)}${own.map(({ value, repetition }, at) => mark(arm, places[at] ?? 0, y + (heights[at] ?? 0), `${armLabel(arm)}, repetition ${repetition}: ${formatFixed(value, measure.digits)} %`))}${label(area.left - 10, y - 1, 'end', shortened(armLabel(arm), width > 600 ? 28 : 16))}${label(area.left - 10, y + 13, 'small end quiet', words)}`;
  });
  return { width, height, content: html`${area.axes}${drawn}` };
}

/** Null before anything has ended. */
export function accuraciesFigure(study: ShownStudy): Figure | null {
  const { result } = study;
  const measure = accuracyOf(result);
  const rows = result.arms.map((arm): Row => ({
    arm,
    values: arm.outcomes.flatMap((outcome) => {
      const value = measure.of(outcome);
      return value === null ? [] : [{ value, repetition: outcome.repetition }];
    }),
    published: result.kind === 'vanilla' ? (publishedOf(arm)?.validation ?? null) : null,
  }));
  if (rows.every(({ values }) => values.length === 0)) return null;
  const words = rows.map(({ arm, values }) => {
    const summary = armSummary(arm, measure);
    return `${armLabel(arm)}: ${summary === null ? 'none' : `mean ${formatFixed(summary.mean, measure.digits)} of ${values.length}`}`;
  });
  const compared = rows.some(({ published }) => published !== null);
  return {
    name: 'accuracies',
    title: 'Every repetition',
    alternative: `${measure.words} of every repetition, an arm a row, in percent. ${words.join('; ')}.`,
    caption: html`Each mark is one run; marks at the same place stand above each other. The upright line is the mean, the line
    below it the 95 % interval of the
    mean.${compared ? ' Hollow circles: the paper’s figures, which were measured under the training augmentation and so are lower.' : ''}`,
    narrow: draw(study, rows, measure, narrowWidth),
    wide: draw(study, rows, measure, wideWidth),
  };
}
