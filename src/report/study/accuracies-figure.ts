/** The accuracies of every repetition, an arm a row, with mean and interval: no repetition is hidden in a bar. */
import { armLabel } from '../../study/labels.ts';
import { accuracyOf, armSummary, measures, valuesOf, type Measure } from '../../study/measures.ts';
import type { Arm } from '../../study/result.ts';
import { meanInterval } from '../../study/samples.ts';
import { formatFixed } from '../../study/table.ts';
import { publishedOf } from '../../study/tables/table-1.ts';
import { domainOf, label, mark as plainMark, plane, swarm, type Plane } from '../chart.ts';
import { narrowWidth, wideWidth, type Drawing, type Figure } from '../figure.ts';
import { coordinate, html, type Markup } from '../markup.ts';
import { armMarks } from './arm-marks.ts';
import type { ShownStudy } from './study.ts';

const rowHeight = 56;

interface Row {
  readonly arm: Arm;
  readonly values: readonly { readonly value: number; readonly repetition: number }[];
  /** Under the training augmentation; for Table 1. */
  readonly augmented: readonly number[];
  /** The paper's figure; for Table 1. */
  readonly published: number | null;
}

/** In lines of at most so many letters, three at most. */
export function wrapped(name: string, most: number): readonly string[] {
  const lines: string[] = [];
  for (const word of name.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= most) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines.slice(0, 3).map((line, index) => {
    const isCut = line.length > most || (index === 2 && lines.length > 3);
    return isCut ? `${line.slice(0, most - 1)}…` : line;
  });
}

/** The name of a row, and its mean below it. */
function rowName({ arm }: Row, measure: Measure, x: number, y: number, most: number): Markup {
  const summary = armSummary(arm, measure);
  const spread = summary?.deviation ?? null;
  const words =
    summary === null
      ? 'none has ended'
      : `${formatFixed(summary.mean, measure.digits)}${spread === null ? '' : ` ± ${formatFixed(spread, measure.digits)}`}`;
  const lines = wrapped(armLabel(arm), most);
  const top = y + 5 - 6.5 * lines.length;
  return html`${lines.map((line, index) => label(x, top + 13 * index, 'end', line))}${label(x, top + 13 * lines.length, 'small end quiet', words)}`;
}

/** Of two or three values it reaches so far that nothing else would be seen: then it is cut off at the edges. */
const fewestForAxis = 4;

function intervalOnAxis(arm: Arm, measure: Measure): readonly number[] {
  const summary = armSummary(arm, measure);
  return summary === null || summary.count < fewestForAxis ? [] : (meanInterval(summary) ?? []);
}

/** The mean as an upright line, its interval below the marks. */
function meanMark({ arm }: Row, measure: Measure, { x, left, right }: Plane, y: number): Markup | null {
  const summary = armSummary(arm, measure);
  if (summary === null) return null;
  const [low, high] = meanInterval(summary) ?? [summary.mean, summary.mean];
  const at = coordinate(x(summary.mean));
  return html`${low === high ? null : html`<line class="interval" x1="${coordinate(Math.max(left, x(low)))}" x2="${coordinate(Math.min(right, x(high)))}" y1="${y + 22}" y2="${y + 22}" />`}<line
      class="mean"
      x1="${at}"
      x2="${at}"
      y1="${y - 18}"
      y2="${y + 25}"
    />`;
}

function draw(study: ShownStudy, rows: readonly Row[], measure: Measure, width: number): Drawing {
  const wide = width > 600;
  const height = 58 + rows.length * rowHeight;
  const values = rows.flatMap(({ arm, values: own, augmented, published }) => [
    ...own.map(({ value }) => value),
    ...augmented,
    ...(published === null ? [] : [published]),
    ...intervalOnAxis(arm, measure),
  ]);
  const area = plane(
    width,
    height,
    {
      domain: domainOf(values, 0.08, 0.4),
      title: study.result.kind === 'growth' ? 'test accuracy, %' : 'validation accuracy, %',
      ticks: wide ? 10 : 5,
      format: (value) => String(Number(value.toFixed(2))),
    },
    { domain: [0, 1], title: '', ticks: 0, format: String },
    { left: wide ? 190 : 116, top: 14, right: 20 },
  );
  const { mark } = armMarks(study.result.arms);
  const drawn = rows.map((row, index): Markup => {
    const { arm, values: own, augmented, published } = row;
    const y = area.top + (index + 0.5) * rowHeight;
    const places = own.map(({ value }) => area.x(value));
    const heights = swarm(places, 8, 18);
    const others = augmented.map((value) => area.x(value));
    const asides = swarm(others, 7, 18);
    return html`<line
        class="grid"
        x1="${area.left}"
        x2="${area.right}"
        y1="${y}"
        y2="${y}"
      />${meanMark(row, measure, area, y)}${others.map((x, at) => plainMark('dot', x, y + (asides[at] ?? 0), `${armLabel(arm)}, under the training augmentation: ${formatFixed(augmented[at] ?? 0, 2)} %`))}${published === null ? null : plainMark('hollow', area.x(published), y, `the paper: ${formatFixed(published, 2)} %`)}${own.map(({ value, repetition }, at) => mark(arm, places[at] ?? 0, y + (heights[at] ?? 0), `${armLabel(arm)}, repetition ${repetition}: ${formatFixed(value, measure.digits)} %`))}${rowName(row, measure, area.left - 10, y, wide ? 28 : 16)}`;
  });
  return { width, height, content: html`${area.axes}${drawn}` };
}

/** Null before anything has ended. */
export function accuraciesFigure(study: ShownStudy): Figure | null {
  const { result } = study;
  const measure = accuracyOf(result);
  const isVanilla = result.kind === 'vanilla';
  const rows = result.arms.map((arm): Row => ({
    arm,
    values: arm.outcomes.flatMap((outcome) => {
      const value = measure.of(outcome);
      return value === null ? [] : [{ value, repetition: outcome.repetition }];
    }),
    augmented: isVanilla ? valuesOf(arm, measures.augmented) : [],
    published: isVanilla ? (publishedOf(arm)?.validation ?? null) : null,
  }));
  if (rows.every(({ values }) => values.length === 0)) return null;
  const words = rows.map(({ arm, values }) => {
    const summary = armSummary(arm, measure);
    return `${armLabel(arm)}: ${summary === null ? 'none' : `mean ${formatFixed(summary.mean, measure.digits)} of ${values.length}`}`;
  });
  const kinds = isVanilla
    ? ` They are clean validation accuracies, means of the last five epochs. Grey dots: the same under the training augmentation, which is how the paper’s figures, the hollow circles, were measured.`
    : '';
  return {
    name: 'accuracies',
    title: 'Every repetition',
    alternative: `${measure.words} of every repetition, an arm a row, in percent. ${words.join('; ')}.`,
    caption: html`Each mark is one run, filled for a method, an outline for a baseline; marks at one place stand above each other.
    The upright line is the mean, the line below it the 95 % interval of the mean; of fewer than four runs it may be cut off at
    the edges.${kinds}`,
    narrow: draw(study, rows, measure, narrowWidth),
    wide: draw(study, rows, measure, wideWidth),
  };
}
