/** The accuracy of every repetition of a study: one row per arm, and against the parameters of the winners. */
import { symbolCircle, symbolDiamond, symbolSquare, symbolTriangle } from 'd3-shape';
import { armLabel } from '../../study/labels.ts';
import { accuracyOf, armSummary, measures, valuesOf, type Measure } from '../../study/measures.ts';
import type { Arm } from '../../study/result.ts';
import { meanInterval } from '../../study/samples.ts';
import { formatFixed, plainCells, wrapWords } from '../../study/table.ts';
import { publishedOf } from '../../study/tables/table-1.ts';
import { formatCount, formatPercent, plural } from '../../util/words.ts';
import { domainOf, label, legend, mark, percentAxis, plotArea, rowPlot, segment, swarm, symbolAt } from '../chart.ts';
import type { PlotArea } from '../chart.ts';
import { narrowWidth, wideWidth, type Figure, type Svg } from '../figure.ts';
import { parameterAxis } from '../figures/size.ts';
import { html, type Markup } from '../markup.ts';
import type { StudyDetails } from './study.ts';

const shapes = [
  [symbolCircle, 46],
  [symbolSquare, 44],
  [symbolTriangle, 42],
  [symbolDiamond, 40],
] as const;

/** Methods are filled, baselines outlined. After the fourth arm shapes repeat in other colours, so that sixteen differ. */
function armMark(all: readonly Arm[], arm: Arm, x: number, y: number, title?: string): Markup {
  const beside = all.filter(({ baseline }) => baseline === arm.baseline);
  const number = Math.max(0, beside.map(({ name }) => name).indexOf(arm.name));
  const colour = (number + Math.floor(number / shapes.length)) % shapes.length;
  const [type, size] = shapes[number % shapes.length] as (typeof shapes)[number];
  return symbolAt(`arm ${arm.baseline ? 'outline' : `arm-${colour + 1}`}`, type, size, x, y, title);
}

interface Row {
  readonly arm: Arm;
  readonly values: readonly { readonly value: number; readonly repetition: number }[];
  /** Accuracies under the training augmentation, for Table 1. */
  readonly augmented: readonly number[];
  /** The published accuracy, for Table 1. */
  readonly published: number | null;
}

/** At most three lines of at most `most` characters. */
export function nameLines(name: string, most: number): readonly string[] {
  const lines = wrapWords(name, most);
  return lines.slice(0, 3).map((line, index) => {
    const isCut = line.length > most || (index === 2 && lines.length > 3);
    return isCut ? `${line.slice(0, most - 1)}…` : line;
  });
}

/** The name of a row, and its mean below it. */
function rowName({ arm }: Row, measure: Measure, x: number, y: number, most: number): readonly Markup[] {
  const summary = armSummary(arm, measure);
  const mean =
    summary === null ? 'no finished run' : plainCells.spread(summary, { kind: 'spread', title: '', digits: measure.digits });
  const lines = nameLines(armLabel(arm), most);
  const top = y + 5 - 6.5 * lines.length;
  return [
    ...lines.map((line, index) => label(x, top + 13 * index, 'end', line)),
    label(x, top + 13 * lines.length, 'small end quiet', mean),
  ];
}

/** The interval of two or three values is so wide that the axis does not cover it. */
const fewestForAxis = 4;

function intervalOnAxis(arm: Arm, measure: Measure): readonly number[] {
  const summary = armSummary(arm, measure);
  return summary === null || summary.count < fewestForAxis ? [] : (meanInterval(summary) ?? []);
}

/** The mean as a vertical line, and its interval below the marks. */
function meanMark({ arm }: Row, measure: Measure, { x, left, right }: PlotArea, y: number): readonly Markup[] {
  const summary = armSummary(arm, measure);
  if (summary === null) return [];
  const [low, high] = meanInterval(summary) ?? [summary.mean, summary.mean];
  const [from, to, at] = [Math.max(left, x(low)), Math.min(right, x(high)), x(summary.mean)];
  return [
    ...(low === high ? [] : [segment('interval', [from, y + 22], [to, y + 22])]),
    segment('mean', [at, y - 18], [at, y + 25]),
  ];
}

function draw(study: StudyDetails, rows: readonly Row[], measure: Measure, width: number): Svg {
  const isWide = width > 600;
  const values = rows.flatMap(({ arm, values: own, augmented, published }) => [
    ...own.map(({ value }) => value),
    ...augmented,
    ...(published === null ? [] : [published]),
    ...intervalOnAxis(arm, measure),
  ]);
  const xAxis = {
    domain: domainOf(values, 0.08, 0.4),
    title: study.result.kind === 'growth' ? 'test accuracy, %' : 'validation accuracy, %',
    ticks: isWide ? 10 : 5,
    format: (value: number) => String(Number(value.toFixed(2))),
  };
  const area = rowPlot(width, rows.length, 56, xAxis, isWide ? 190 : 116);
  const drawn = rows.map((row, index): Markup => {
    const { arm, values: own, augmented, published } = row;
    const y = area.rowAt(index);
    /** Marks at the values, moved apart where they would overlap. */
    const spread = (all: readonly number[], apart: number, make: (x: number, y: number, index: number) => Markup) => {
      const places = all.map((value) => area.x(value));
      const offsets = swarm(places, apart, 18);
      return places.map((x, at) => make(x, y + (offsets[at] ?? 0), at));
    };
    const augmentedTitle = (at: number): string =>
      `${armLabel(arm)}, under the training augmentation: ${formatFixed(augmented[at] ?? 0, 2)} %`;
    const title = ({ value, repetition }: (typeof own)[number]): string =>
      `${armLabel(arm)}, repetition ${repetition}: ${formatFixed(value, measure.digits)} %`;
    return html`${[
      meanMark(row, measure, area, y),
      spread(augmented, 7, (x, at, of) => mark('dot', x, at, augmentedTitle(of))),
      published === null ? null : mark('hollow', area.x(published), y, `published: ${formatFixed(published, 2)} %`),
      spread(
        own.map(({ value }) => value),
        8,
        (x, at, of) => armMark(study.result.arms, arm, x, at, title(own[of] as (typeof own)[number])),
      ),
      rowName(row, measure, area.left - 10, y, isWide ? 28 : 16),
    ]}`;
  });
  return { width, height: area.height, content: html`${area.axes}${drawn}` };
}

/** Null before any run has finished. */
export function accuraciesFigure(study: StudyDetails): Figure | null {
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
  const means = rows.map(({ arm, values }) => {
    const summary = armSummary(arm, measure);
    return `${armLabel(arm)}: ${summary === null ? 'none' : `mean ${formatFixed(summary.mean, measure.digits)} of ${values.length}`}`;
  });
  const kinds = isVanilla
    ? ' Marks: clean validation accuracy, mean of the last five epochs. Grey dots: the same under the training augmentation, as the published values (hollow circles) were measured.'
    : '';
  return {
    name: 'accuracies',
    title: 'Every repetition',
    alternative: `${measure.words} of every repetition, one row per arm, in percent. ${means.join('; ')}.`,
    caption: `One mark per run: filled for methods, outlined for baselines; equal values are stacked. The vertical line is the mean, the line below it the 95 % interval of the mean, which may be cut off for fewer than four runs.${kinds}`,
    narrow: draw(study, rows, measure, narrowWidth),
    wide: draw(study, rows, measure, wideWidth),
  };
}

/** The tested networks of all arms, baselines first. */
const pointsOf = ({ result: { arms } }: StudyDetails) =>
  arms
    .toSorted((a, b) => Number(b.baseline) - Number(a.baseline))
    .flatMap((arm) =>
      arm.outcomes.flatMap(({ test, parameters, repetition }) => (test === null ? [] : [{ arm, test, parameters, repetition }])),
    );

function drawWinners(study: StudyDetails, width: number, plotHeight: number): Svg {
  const points = pointsOf(study);
  const { arms } = study.result;
  const shown = arms.filter((arm) => points.some((point) => point.arm === arm));
  const entries = shown.map((arm) => ({
    name: armLabel(arm),
    width: 12,
    sample: (x: number, y: number) => armMark(arms, arm, x + 6, y),
  }));
  const names = legend(44, width - 58, entries);
  const height = plotHeight + names.height;
  const sizes = points.map(({ parameters }) => parameters);
  const accuracies = points.map(({ test }) => test);
  const xAxis = parameterAxis(sizes, width > 600 ? 10 : 6);
  const yAxis = percentAxis('test accuracy, %', domainOf(accuracies, 0.1, 0.004));
  const area = plotArea(width, height, xAxis, yAxis, { top: 30 + names.height });
  const marks = points.map(({ arm, test, parameters, repetition }) => {
    const title = `${armLabel(arm)}, repetition ${repetition}: ${formatCount(parameters)} parameters, ${formatPercent(test)}`;
    return armMark(arms, arm, area.x(parameters), area.y(test), title);
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
    narrow: drawWinners(study, narrowWidth, 290),
    wide: drawWinners(study, wideWidth, 330),
  };
}
