/** Figure 1: the learning rate over a step, by method. Computed from the settings. */
import { epochsOf, formatRungs, planRungs } from '../../search/rungs.ts';
import { lineage, minibatchesOf } from '../../search/state.ts';
import type { Rung } from '../../search/methods/method.ts';
import type { Settings } from '../../search/settings.ts';
import { methodNames, methods, type MethodName } from '../../search/methods/table.ts';
import { listed } from '../../study/labels.ts';
import { rateAt } from '../../training/schedule.ts';
import { legend, lineEntry, path, plotArea, shortNumber, type Point } from '../chart.ts';
import { narrowWidth, type Figure, type Svg } from '../figure.ts';
import { html } from '../markup.ts';
import { competes, type RunDetails } from '../run-details.ts';

const samples = 48;

/** The learning rate over the epochs of a candidate that trains in all rungs; one curve a rung, since a restart is a jump. */
export function ratesOf({ method, step }: Settings, rungs: readonly Rung[]): readonly (readonly Point[])[] {
  return rungs.map(({ epochs }, index) => {
    const schedule = methods[method].learningRate.segment(step, rungs, index);
    const from = epochsOf(rungs.slice(0, index));
    return Array.from({ length: samples + 1 }, (_none, at) => ({
      x: from + (epochs * at) / samples,
      y: rateAt(schedule, at, samples),
    }));
  });
}

/** Methods with the same learning rate over the same epochs. */
interface Curve {
  readonly names: readonly MethodName[];
  readonly rungs: readonly Rung[] | string;
}

const strokes = ['dotted', 'dashed', '', 'dash-dot'];
const colours = ['', 'second', 'won', 'third'];

function curvesOf(settings: Settings, names: readonly MethodName[], own: MethodName | null): readonly Curve[] {
  const curves = new Map<string, Curve>();
  for (const method of names) {
    const rungs = planRungs({ ...settings, method });
    const key = typeof rungs === 'string' ? rungs : JSON.stringify(ratesOf({ ...settings, method }, rungs));
    const same = curves.get(key);
    curves.set(key, {
      names: [...(same?.names ?? []), method],
      rungs: same === undefined || method === own ? rungs : same.rungs,
    });
  }
  return [...curves.values()];
}

const labelsOf = (names: readonly MethodName[]): string => listed(names.map((name) => methods[name].label));

/** `own`: the method of the run, which is marked; null for a study. */
function figureOf(settings: Settings, shown: readonly MethodName[], own: MethodName | null): Figure {
  const curves = curvesOf(settings, shown, own).map((curve, index) => {
    const isOwn = own !== null && curve.names.includes(own);
    const name = isOwn ? `${methods[own].label} (this run)` : labelsOf(curve.names);
    const colour = isOwn ? 'won' : own === null ? colours[index % colours.length] : '';
    const className = ['line', strokes[index % strokes.length], colour].filter((part) => part).join(' ');
    return { ...curve, isOwn, name, className };
  });
  const rungs = curves.map((curve) =>
    typeof curve.rungs === 'string'
      ? `${curve.name}: not possible, ${curve.rungs}`
      : `${curve.name}: ${formatRungs(curve.rungs)}`,
  );
  const restarting = (restart: 'step' | 'rung'): string =>
    labelsOf(curves.flatMap(({ names }) => names).filter((name) => methods[name].learningRate.restart === restart));
  return {
    name: 'learning-rate',
    title: 'Learning rate over a step',
    alternative: `The learning rate over the epochs that a child is trained for in a step, by method. Rungs: ${rungs.join('; ')}.`,
    caption: `As in the paper’s Figure 1: cosine schedules from ${settings.step.rate} to 0. Restart at each rung: ${restarting('rung')}. Restart at each step: ${restarting('step')}. Rungs as children × epochs: ${rungs.join('; ')}.`,
    narrow: draw(settings, curves),
  };
}

interface NamedCurve extends Curve {
  readonly isOwn: boolean;
  readonly name: string;
  readonly className: string;
}

function draw(settings: Settings, all: readonly NamedCurve[]): Svg {
  const curves = all.flatMap((curve) => {
    const [method] = curve.names;
    if (typeof curve.rungs === 'string' || method === undefined) return [];
    return [{ ...curve, lines: ratesOf({ ...settings, method }, curve.rungs), epochs: epochsOf(curve.rungs) }];
  });
  const names = legend(40, narrowWidth - 54, curves.map(lineEntry));
  const height = 222 + names.height;
  const lastEpoch = Math.max(1, ...curves.map(({ epochs }) => epochs));
  const xAxis = { domain: [0, lastEpoch], title: 'epochs of a child in a step', ticks: 8, format: String } as const;
  const yAxis = { domain: [0, settings.step.rate], title: 'learning rate', ticks: 4, format: shortNumber } as const;
  const area = plotArea(narrowWidth, height, xAxis, yAxis, { top: 29 + names.height });
  // The run's own curve is drawn last.
  const lines = curves
    .toSorted((a, b) => Number(a.isOwn) - Number(b.isOwn))
    .map((curve) => curve.lines.map((points) => path(area, points, curve.className)));
  return { width: narrowWidth, height, content: html`${area.axes}${names.content}${lines}` };
}

/** The schedule of a search that is one training, over the minibatches of the best network's lineage; null before a step. */
function wholeFigure({ settings, state: { search }, best, grown }: RunDetails): Figure | null {
  const id = best ?? grown;
  if (id === null || search.steps.length === 0) return null;
  let x = 0;
  const points: Point[] = [];
  for (const candidate of lineage(search, id)) {
    const { rate } = candidate.id === 'vanilla' ? settings.vanilla : candidate.id === 'final' ? settings.final : settings.step;
    points.push({ x, y: candidate.id === 'vanilla' ? 0 : rate });
    x += minibatchesOf(search, candidate.id);
    points.push({ x, y: candidate.id === 'final' ? 0 : rate });
  }
  const axes = {
    x: { domain: [0, Math.max(1, x)], title: 'minibatches', ticks: 6, format: shortNumber },
    y: { domain: [0, settings.step.rate], title: 'learning rate', ticks: 4, format: shortNumber },
  } as const;
  const height = 222;
  const area = plotArea(narrowWidth, height, axes.x, axes.y, { top: 29 });
  return {
    name: 'learning-rate',
    title: 'Learning rate over the search',
    alternative: `The learning rate over the ${x} minibatches of the best network and its ancestors: it rises, stays during the steps, and falls to 0.`,
    caption:
      'Over the minibatches of the best network and its ancestors. It rises with the start network, is constant during the steps, and falls to 0 in the final training.',
    narrow: { width: narrowWidth, height, content: html`${area.axes}${path(area, points, 'line won')}` },
  };
}

/** Methods whose steps have schedules of their own. */
const hasOwn = (name: MethodName): boolean => !methods[name].continuous;

/** Of the run's method and of all methods whose children compete. */
export function learningRateFigure(run: RunDetails): Figure | null {
  const { settings } = run;
  const { method } = settings;
  if (!hasOwn(method)) return wholeFigure(run);
  const shown = methodNames.filter((name) => name === method || (competes(name) && hasOwn(name)));
  return figureOf(settings, shown, method);
}

/** Null where no method has schedules of its own steps. */
export function learningRatesFigure(settings: Settings, shown: readonly MethodName[]): Figure | null {
  const own = shown.filter(hasOwn);
  return own.length === 0 ? null : figureOf(settings, own, null);
}
