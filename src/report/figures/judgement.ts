/** Calibration of a network, and the curves of one class against the rest. */
import { formatFixed } from '../../study/table.ts';
import { formatPercent, formatWhole } from '../../util/words.ts';
import { label, mark, path, plotArea, percentAxis, type Axis, type PlotArea } from '../chart.ts';
import { narrowWidth, type Figure, type Svg } from '../figure.ts';
import { takenAt, type Calibration, type ClassCurve } from '../judgement.ts';
import { coordinate, html, type Markup } from '../markup.ts';

const unit: readonly [number, number] = [0, 1];
const shareAxis = (title: string): Axis => percentAxis(title, unit, 5);

/** Confidence against accuracy by bins; below it how many images each bin has. */
export function calibrationFigure({ bins, error }: Calibration, part: string): Figure {
  const [width, height] = [narrowWidth, 380];
  const below = 70;
  const area = plotArea(width, height - below, shareAxis('confidence, %'), shareAxis('right, %'));
  const filled = bins.filter(({ images }) => images > 0);
  const points = filled.map(({ confidence, accuracy }) => ({ x: confidence, y: accuracy }));
  const wordsOf = ({ from, to, images, confidence, accuracy }: (typeof bins)[number]): string =>
    `${(100 * from).toFixed(0)} to ${(100 * to).toFixed(0)} %: ${formatWhole(images)} images, confidence ${formatPercent(confidence)}, right ${formatPercent(accuracy)}`;
  const dots = filled.map((bin) => mark('dot', area.x(bin.confidence), area.y(bin.accuracy), wordsOf(bin)));
  const most = Math.max(...bins.map(({ images }) => images), 1);
  const base = height - 14;
  const bars = bins.map(({ from, to, images }) => {
    const tall = (images / most) * (below - 34);
    const [x, wide] = [area.x(from) + 1, area.x(to) - area.x(from) - 2];
    return html`<rect
      class="bar"
      x="${coordinate(x)}"
      y="${coordinate(base - tall)}"
      width="${coordinate(wide)}"
      height="${coordinate(tall)}"
    ></rect>`;
  });
  const diagonal = path(
    area,
    [
      { x: 0, y: 0 },
      { x: 1, y: 1 },
    ],
    'line dashed',
  );
  return {
    name: 'calibration',
    title: 'Calibration',
    alternative: `Expected calibration error ${formatPercent(error)}. ${filled.map(wordsOf).join('; ')}.`,
    caption: `Of the ${part} images with so much confidence in the predicted class, how many are right, in bins of equal width. On the dashed line confidence is what it says; below it the network is too sure. The bars are images.`,
    narrow: {
      width,
      height,
      content: html`${area.axes}${diagonal}${path(area, points, 'line won')}${dots}${bars}${label(area.left, base + 12, 'quiet small', `images, ${formatWhole(most)} at most`)}`,
    },
  };
}

const thresholds = Array.from({ length: 101 }, (_none, index) => index / 100);

/** What is taken at a threshold, in numbers. */
export interface AtThreshold {
  readonly threshold: number;
  readonly truePositives: number;
  readonly falsePositives: number;
  /** Null where nothing is taken. */
  readonly precision: number | null;
  readonly recall: number;
  readonly falsePositiveRate: number;
}

export const atThresholds = (curve: ClassCurve): readonly AtThreshold[] =>
  thresholds.map((threshold) => {
    const { truePositives, falsePositives } = takenAt(curve, threshold);
    const taken = truePositives + falsePositives;
    return {
      threshold,
      truePositives,
      falsePositives,
      precision: taken === 0 ? null : truePositives / taken,
      recall: truePositives / Math.max(1, curve.positives),
      falsePositiveRate: falsePositives / Math.max(1, curve.negatives),
    };
  });

/** No more points than a line of that width shows. */
function thinned<T>(points: readonly T[], most = 300): readonly T[] {
  if (points.length <= most) return points;
  const kept = Array.from(
    { length: most },
    (_none, index) => points[Math.floor((index * (points.length - 1)) / (most - 1))] as T,
  );
  return kept;
}

/** The mark of the threshold: where it is at each of 101 thresholds, for the page's script. */
function follower(area: PlotArea, places: readonly (readonly [number, number] | null)[]): Markup {
  const text = places.map((place) => (place === null ? '' : `${coordinate(area.x(place[0]))} ${coordinate(area.y(place[1]))}`));
  const [x = '', y = ''] = (text[50] ?? '').split(' ');
  return html`<circle
    class="follower"
    r="6"
    cx="${x === '' ? '-20' : x}"
    cy="${y === '' ? '-20' : y}"
    data-places="${text.join(';')}"
  ></circle>`;
}

/** Receiver operating characteristic, and precision against recall, side by side or one below the other. */
export function classCurveSvgs(curve: ClassCurve): { readonly roc: Svg; readonly precision: Svg } {
  const [width, height] = [300, 270];
  const rates = atThresholds(curve);
  const { positives, negatives, points } = curve;
  const roc = plotArea(width, height, shareAxis('false positive rate, %'), shareAxis('recall, %'));
  const rocPoints = thinned(
    points.map(({ truePositives, falsePositives }) => ({
      x: falsePositives / Math.max(1, negatives),
      y: truePositives / Math.max(1, positives),
    })),
  );
  const even = path(
    roc,
    [
      { x: 0, y: 0 },
      { x: 1, y: 1 },
    ],
    'line dashed',
  );
  const precision = plotArea(width, height, shareAxis('recall, %'), shareAxis('precision, %'));
  const precisionPoints = thinned(
    points.slice(1).map(({ truePositives, falsePositives }) => ({
      x: truePositives / Math.max(1, positives),
      y: truePositives / (truePositives + falsePositives),
    })),
  );
  const onRoc = rates.map((each) => [each.falsePositiveRate, each.recall] as const);
  const onPrecision = rates.map((each) => (each.precision === null ? null : ([each.recall, each.precision] as const)));
  return {
    roc: { width, height, content: html`${roc.axes}${even}${path(roc, rocPoints, 'line won')}${follower(roc, onRoc)}` },
    precision: {
      width,
      height,
      content: html`${precision.axes}${path(precision, precisionPoints, 'line won')}${follower(precision, onPrecision)}`,
    },
  };
}

export const formatArea = (area: number | null): string => (area === null ? '–' : formatFixed(area, 3));
