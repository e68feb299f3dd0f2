/** What charts share: scales with their axes, marks, labels that keep apart. Pure: numbers in, markup out. */
import { scaleLinear, scaleLog, type ScaleContinuousNumeric } from 'd3-scale';
import { line, symbol, symbolCircle, symbolSquare, symbolStar, symbolTimes, symbolTriangle } from 'd3-shape';
import { coordinate, html, type Content, type Markup } from './markup.ts';

export type Scale = ScaleContinuousNumeric<number, number>;

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Axis {
  readonly domain: readonly [number, number];
  readonly title: string;
  /** How many ticks are wanted, about. */
  readonly ticks: number;
  readonly logarithmic?: boolean;
  format(value: number): string;
}

/** A chart's plane: where its values lie. */
export interface Plane {
  readonly width: number;
  readonly height: number;
  readonly x: Scale;
  readonly y: Scale;
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
  /** Grid, ticks and titles. */
  readonly axes: Markup;
}

export interface Margins {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

const usualMargins: Margins = { left: 40, right: 14, top: 26, bottom: 40 };

const scaleOf = ({ domain, logarithmic }: Axis, range: readonly [number, number]): Scale =>
  (logarithmic === true ? scaleLog() : scaleLinear()).domain(domain).range(range);

/** Drawing units that a tick's words need, along the axis. */
const tickRoom = 36;

/** Ticks that do not crowd: of a logarithmic axis rather those that begin with 1, 2 or 5. */
function ticksOf(scale: Scale, { ticks, logarithmic }: Axis, room: number): readonly number[] {
  const all = scale.ticks(ticks);
  const round = all.filter((value) => [1, 2, 5].includes(Number(value.toExponential()[0])));
  let last = -Infinity;
  return (logarithmic === true && round.length > 2 ? round : all).filter((value) => {
    const isClear = Math.abs(scale(value) - last) >= room;
    if (isClear) last = scale(value);
    return isClear;
  });
}

export function plane(width: number, height: number, xAxis: Axis, yAxis: Axis, margins: Partial<Margins> = {}): Plane {
  const { left, right, top, bottom } = { ...usualMargins, ...margins };
  const area = { left, right: width - right, top, bottom: height - bottom };
  const x = scaleOf(xAxis, [area.left, area.right]);
  const y = scaleOf(yAxis, [area.bottom, area.top]);
  const rows = ticksOf(y, yAxis, 12).map((value) => {
    const at = coordinate(y(value));
    return html`<line class="grid" x1="${area.left}" x2="${area.right}" y1="${at}" y2="${at}" /><text
        class="quiet small end"
        x="${area.left - 6}"
        y="${at}"
        dy=".35em"
        >${yAxis.format(value)}</text
      >`;
  });
  const columns = ticksOf(x, xAxis, tickRoom).map((value) => {
    const at = coordinate(x(value));
    return html`<line class="axis" x1="${at}" x2="${at}" y1="${area.bottom}" y2="${area.bottom + 4}" /><text
        class="quiet small middle"
        x="${at}"
        y="${area.bottom + 16}"
        >${xAxis.format(value)}</text
      >`;
  });
  const axes = html`${rows}<line
      class="axis"
      x1="${area.left}"
      x2="${area.right}"
      y1="${area.bottom}"
      y2="${area.bottom}"
    />${columns}<text class="quiet small" x="${area.left - 34}" y="${Math.max(11, top - 14)}">${yAxis.title}</text
    ><text class="quiet small end" x="${area.right}" y="${height - 6}">${xAxis.title}</text>`;
  return { width, height, x, y, ...area, axes };
}

/** The values' range, widened by a share of it; a range of nothing becomes one around the value. */
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

const round = (value: number): number => Math.round(value * 10) / 10;

/** A polyline through values. */
export const path = ({ x, y }: Pick<Plane, 'x' | 'y'>, points: readonly Point[], className: string): Markup =>
  html`<path
    class="${className}"
    d="${
      line<Point>(
        (point) => round(x(point.x)),
        (point) => round(y(point.y)),
      )([...points]) ?? ''
    }"
  />`;

const shapes = {
  star: { type: symbolStar, size: 90, className: 'star' },
  dot: { type: symbolCircle, size: 34, className: 'dot' },
  hollow: { type: symbolCircle, size: 30, className: 'hollow' },
  square: { type: symbolSquare, size: 34, className: 'hollow' },
  triangle: { type: symbolTriangle, size: 36, className: 'hollow' },
  cross: { type: symbolTimes, size: 44, className: 'cross' },
  lost: { type: symbolTimes, size: 44, className: 'cross bad' },
} as const;

export type MarkKind = keyof typeof shapes;

/** Each form once, in few digits. */
const outlines = Object.fromEntries(
  Object.entries(shapes).map(([kind, { type, size }]) => [
    kind,
    (symbol(type, size)() ?? '').replaceAll(/-?\d+\.\d+/g, (number) => Number(number).toFixed(2)),
  ]),
) as Readonly<Record<MarkKind, string>>;

/** A mark at a place of the drawing. `title` is shown where one points at it. */
export const mark = (kind: MarkKind, x: number, y: number, title?: string): Markup =>
  html`<path class="${shapes[kind].className}" transform="translate(${coordinate(x)} ${coordinate(y)})" d="${outlines[kind]}"
    >${title === undefined ? null : html`<title>${title}</title>`}</path
  >`;

/** About the width of a letter of a small label. */
export const letter = 6.3;

export const label = (x: number, y: number, className: string, content: Content): Markup =>
  html`<text class="${className}" x="${coordinate(x)}" y="${coordinate(y)}">${content}</text>`;

/**
 * How far each mark of a row stands above or below it, so that their centres are `apart` where `most` allows it: marks at one
 * place would hide each other.
 */
export function swarm(places: readonly number[], apart: number, most: number): readonly number[] {
  const placed: { readonly x: number; readonly y: number }[] = [];
  const heights = places.map(() => 0);
  const order = places.map((x, index) => ({ x, index })).toSorted((a, b) => a.x - b.x);
  const tries = [0, 1, -1, 2, -2, 3, -3, 4, -4].map((step) => (step * most) / 4);
  for (const { x, index } of order) {
    const y = tries.find((height) => placed.every((each) => Math.hypot(each.x - x, each.y - height) >= apart)) ?? 0;
    placed.push({ x, y });
    heights[index] = y;
  }
  return heights;
}

/** Samples of lines with their names, in one row. */
export function legend(x: number, y: number, entries: readonly { readonly className: string; readonly name: string }[]): Markup {
  let at = x;
  return html`${entries.map(({ className, name }) => {
    const start = at;
    at += 34 + name.length * 6.2 + 16;
    return html`<line
        class="${className}"
        x1="${coordinate(start)}"
        x2="${coordinate(start + 26)}"
        y1="${y - 4}"
        y2="${y - 4}"
      />${label(start + 32, y, 'small', name)}`;
  })}`;
}

export const percentAxis = (title: string, domain: readonly [number, number], ticks = 5): Axis => ({
  domain,
  title,
  ticks,
  format: (value) => String(Number((100 * value).toFixed(2))),
});
