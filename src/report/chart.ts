/** The parts that charts share: axes, lines, marks, legends and the placing of labels. Pure: numbers in, markup out. */
import { scaleLinear, scaleLog, type ScaleContinuousNumeric } from 'd3-scale';
import { line, linkHorizontal, linkVertical, symbol, symbolCircle, symbolStar, symbolTimes, type SymbolType } from 'd3-shape';
import { coordinate, html, type Content, type Markup } from './markup.ts';

type Scale = ScaleContinuousNumeric<number, number>;

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Axis {
  readonly domain: readonly [number, number];
  readonly title: string;
  /** Approximate number of ticks. */
  readonly ticks: number;
  readonly logarithmic?: boolean;
  format(value: number): string;
}

interface Margins {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

/** The area inside the axes, with its scales from values to coordinates. The four sides are coordinates too. */
export interface PlotArea extends Margins {
  readonly x: Scale;
  readonly y: Scale;
  /** Grid, ticks and titles. */
  readonly axes: Markup;
}

const defaultMargins: Margins = { left: 40, right: 14, top: 26, bottom: 40 };

const scaleOf = ({ domain, logarithmic }: Axis, range: readonly [number, number]): Scale =>
  (logarithmic === true ? scaleLog() : scaleLinear()).domain(domain).range(range);

/** Least distance between ticks of the x axis. */
const tickDistance = 36;

/** Ticks without overlap; on a logarithmic axis those that begin with 1, 2 or 5 are preferred. */
function ticksOf(scale: Scale, { ticks, logarithmic }: Axis, distance: number): readonly number[] {
  const all = scale.ticks(ticks);
  const round = all.filter((value) => [1, 2, 5].includes(Number(value.toExponential()[0])));
  let last = -Infinity;
  return (logarithmic === true && round.length > 2 ? round : all).filter((value) => {
    const isClear = Math.abs(scale(value) - last) >= distance;
    if (isClear) last = scale(value);
    return isClear;
  });
}

export const label = (x: number, y: number, className: string, content: Content): Markup =>
  html`<text class="${className}" x="${coordinate(x)}" y="${coordinate(y)}">${content}</text>`;

export function segment(className: string, [x1, y1]: readonly [number, number], [x2, y2]: readonly [number, number]): Markup {
  const [a, b, c, d] = [x1, y1, x2, y2].map(coordinate);
  return html`<line class="${className}" x1="${a}" y1="${b}" x2="${c}" y2="${d}" />`;
}

export function plotArea(width: number, height: number, xAxis: Axis, yAxis: Axis, margins: Partial<Margins> = {}): PlotArea {
  const { left, right: atRight, top, bottom: below } = { ...defaultMargins, ...margins };
  const [right, bottom] = [width - atRight, height - below];
  const x = scaleOf(xAxis, [left, right]);
  const y = scaleOf(yAxis, [bottom, top]);
  const rows = ticksOf(y, yAxis, 12).map((value) => {
    const at = y(value);
    return [segment('grid', [left, at], [right, at]), label(left - 6, at + 4, 'quiet small end', yAxis.format(value))];
  });
  const columns = ticksOf(x, xAxis, tickDistance).map((value) => {
    const at = x(value);
    return [segment('axis', [at, bottom], [at, bottom + 4]), label(at, bottom + 16, 'quiet small middle', xAxis.format(value))];
  });
  const titles = [
    label(left - 34, Math.max(11, top - 14), 'quiet small', yAxis.title),
    label(right, height - 6, 'quiet small end', xAxis.title),
  ];
  const axes = html`${rows}${segment('axis', [left, bottom], [right, bottom])}${columns}${titles}`;
  return { x, y, left, right, top, bottom, axes };
}

/** A plot with a row per item, each along a grid line; `rowAt` gives the y of a row. */
export function rowPlot(
  width: number,
  count: number,
  rowHeight: number,
  xAxis: Axis,
  left: number,
): PlotArea & { readonly height: number; rowAt(index: number): number } {
  const height = 58 + count * rowHeight;
  const yAxis: Axis = { domain: [0, 1], title: '', ticks: 0, format: String };
  const area = plotArea(width, height, xAxis, yAxis, { left, top: 14, right: 20 });
  const rowAt = (index: number): number => area.top + (index + 0.5) * rowHeight;
  const lines = Array.from({ length: count }, (_none, index) =>
    segment('grid', [area.left, rowAt(index)], [area.right, rowAt(index)]),
  );
  return { ...area, axes: html`${area.axes}${lines}`, height, rowAt };
}

/** The range of the values, widened by `margin` times its size on both sides; `least`: the smallest size. */
export function domainOf(values: readonly number[], margin: number, least = 0): readonly [number, number] {
  if (values.length === 0) return [0, 1];
  const [low, high] = values.reduce(
    ([lowest, highest]: readonly [number, number], value) => [Math.min(lowest, value), Math.max(highest, value)] as const,
    [Infinity, -Infinity] as const,
  );
  const spread = Math.max(high - low, least);
  const centre = (low + high) / 2;
  const half = spread / 2 + margin * spread;
  return half === 0 ? [centre - 0.5, centre + 0.5] : [centre - half, centre + half];
}

/** Path data with at most so many decimals. */
export const rounded = (path: string | null, decimals = 1): string =>
  (path ?? '').replaceAll(/-?\d+\.\d+/g, (number) => String(Number(Number(number).toFixed(decimals))));

export const path = ({ x, y }: Pick<PlotArea, 'x' | 'y'>, points: readonly Point[], className: string): Markup =>
  html`<path
    class="${className}"
    d="${rounded(
      line<Point>(
        (point) => x(point.x),
        (point) => y(point.y),
      )([...points]),
    )}"
  />`;

const links = { across: linkHorizontal(), down: linkVertical() } as const;

/** A smooth curve from a parent to a child. */
export const link = (
  direction: keyof typeof links,
  source: [number, number],
  target: [number, number],
  className: string,
): Markup => html`<path class="${className}" d="${rounded(links[direction]({ source, target }))}" />`;

/** A symbol at a point. `title`: its tooltip. */
export const symbolAt = (className: string, type: SymbolType, size: number, x: number, y: number, title?: string): Markup =>
  html`<path class="${className}" transform="translate(${coordinate(x)} ${coordinate(y)})" d="${rounded(symbol(type, size)(), 2)}"
    >${title === undefined ? null : html`<title>${title}</title>`}</path
  >`;

const marks = {
  star: ['star', symbolStar, 90],
  dot: ['dot', symbolCircle, 34],
  hollow: ['hollow', symbolCircle, 30],
  cross: ['cross', symbolTimes, 44],
  lost: ['cross bad', symbolTimes, 44],
} as const;

/** A mark at a point. `title`: its tooltip. */
export function mark(kind: keyof typeof marks, x: number, y: number, title?: string): Markup {
  const [className, type, size] = marks[kind];
  return symbolAt(className, type, size, x, y, title);
}

/** Approximate width of a character of a small label. */
export const letter = 6.3;

/** Offsets that keep the marks of one row `apart`, at most `most` up or down (a beeswarm plot). */
export function swarm(places: readonly number[], apart: number, most: number): readonly number[] {
  const placed: Point[] = [];
  const offsets = places.map(() => 0);
  const order = places.map((x, index) => ({ x, index })).toSorted((a, b) => a.x - b.x);
  const tries = [0, 1, -1, 2, -2, 3, -3, 4, -4].map((step) => (step * most) / 4);
  for (const { x, index } of order) {
    const y = tries.find((offset) => placed.every((each) => Math.hypot(each.x - x, each.y - offset) >= apart)) ?? 0;
    placed.push({ x, y });
    offsets[index] = y;
  }
  return offsets;
}

export interface LegendEntry {
  readonly name: string;
  /** Width of the sample. */
  readonly width: number;
  /** Draws the sample from x on, at the height y of the text's middle. */
  sample(x: number, y: number): Markup;
}

/** Samples with their names, in as many rows as the width needs. */
export function legend(left: number, width: number, entries: readonly LegendEntry[]) {
  const rowHeight = 17;
  let [x, row] = [left, 0];
  const content = entries.map(({ name, width: own, sample }) => {
    const whole = own + 4 + name.length * letter + 14;
    if (x > left && x + whole > left + width) [x, row] = [left, row + 1];
    const [start, y] = [x, 12 + row * rowHeight];
    x += whole;
    return html`${sample(start, y - 4)}${label(start + own + 4, y, 'small', name)}`;
  });
  return { content: html`${content}`, height: (row + 1) * rowHeight };
}

/** An entry of the legend of a chart of lines. */
export const lineEntry = ({ className, name }: { readonly className: string; readonly name: string }): LegendEntry => ({
  name,
  width: 28,
  sample: (x, y) => segment(className, [x, y], [x + 26, y]),
});

/** Three significant digits. */
export const shortNumber = (value: number): string => String(Number(value.toPrecision(3)));

export const percentAxis = (title: string, domain: readonly [number, number], ticks = 5): Axis => ({
  domain,
  title,
  ticks,
  format: (value) => String(Number((100 * value).toFixed(2))),
});
