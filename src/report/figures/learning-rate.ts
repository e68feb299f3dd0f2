/** Figure 1: the learning rate over a step, by method: from the settings alone. */
import { planRungs, formatRungs } from '../../search/rungs.ts';
import type { Rung } from '../../search/methods/method.ts';
import type { Settings } from '../../search/settings.ts';
import { methods, type MethodName } from '../../search/methods/table.ts';
import { rateAt } from '../../training/schedule.ts';
import { legend, path, plane, type Point } from '../chart.ts';
import { narrowWidth, type Drawing, type Figure } from '../figure.ts';
import { html, joined } from '../markup.ts';
import { methodLabel, type Subject } from '../subject.ts';

const samples = 48;

/** The rate over the epochs that a winner sees: each rung a line of its own, since a restart jumps. */
export function ratesOf(settings: Settings, rungs: readonly Rung[]): readonly (readonly Point[])[] {
  let from = 0;
  return rungs.map(({ epochs }, index) => {
    const schedule = methods[settings.method].learningRate.segment(settings.step, rungs, index);
    const points = Array.from({ length: samples + 1 }, (_none, at) => ({
      x: from + (epochs * at) / samples,
      y: rateAt(schedule, at, samples),
    }));
    from += epochs;
    return points;
  });
}

interface Shown {
  readonly method: MethodName;
  readonly rungs: readonly Rung[] | string;
  readonly own: boolean;
  /** Where no schedule is the own one. */
  readonly colour?: string;
}

const strokes: Readonly<Record<string, string>> = { nash: 'dotted', sh: 'dashed', shr: '' };

const schedules = ['shr', 'sh', 'nash'] as const;

/** What restarts at each rung has SHR's schedule. */
const shownOf = (settings: Settings): readonly Shown[] =>
  schedules.map((name) => {
    const own =
      name === settings.method || (name === 'shr' && methods[settings.method].learningRate === methods.shr.learningRate);
    const method = own ? settings.method : name;
    return { method, own, rungs: planRungs({ ...settings, method }) };
  });

const nameOf = ({ method, own }: Shown): string => `${methodLabel(method)}${own ? ' (this run)' : ''}`;

const classOf = ({ method, own, colour = '' }: Shown): string =>
  `line ${strokes[method] ?? ''}${own ? ' won' : ` ${colour}`}`.replaceAll(/ +/g, ' ').trim();

function draw(settings: Settings, shown: readonly Shown[]): Drawing {
  const [width, height] = [narrowWidth, 250];
  const curves = shown.flatMap((each) =>
    typeof each.rungs === 'string' ? [] : [{ each, lines: ratesOf({ ...settings, method: each.method }, each.rungs) }],
  );
  const epochs = Math.max(1, ...curves.flatMap(({ lines }) => lines.flat().map(({ x }) => x)));
  const area = plane(
    width,
    height,
    { domain: [0, epochs], title: 'epochs of a child in a step', ticks: 8, format: String },
    {
      domain: [0, settings.step.rate],
      title: 'learning rate',
      ticks: 4,
      format: (value) => String(Number(value.toPrecision(3))),
    },
    { top: 46 },
  );
  const content = html`${area.axes}${legend(
    area.left,
    14,
    curves.map(({ each }) => ({ className: classOf(each), name: nameOf(each) })),
  )}${curves.toReversed().map(({ each, lines }) => lines.map((points) => path(area, points, classOf(each))))}`;
  return { width, height, content };
}

export const learningRateFigure = ({ settings }: Subject): Figure => figureOf(settings, shownOf(settings));

/** Of a study: no schedule is the one. */
export const learningRatesFigure = (settings: Settings): Figure =>
  figureOf(
    settings,
    schedules.map((method) => ({
      method,
      own: false,
      colour: { shr: 'won', sh: 'second', nash: '' }[method],
      rungs: planRungs({ ...settings, method }),
    })),
  );

function figureOf(settings: Settings, shown: readonly Shown[]): Figure {
  const words = shown.map((each) =>
    typeof each.rungs === 'string'
      ? `${nameOf(each)}: not with these settings, ${each.rungs}`
      : `${nameOf(each)}: ${formatRungs(each.rungs)}`,
  );
  return {
    name: 'learning-rate',
    title: 'Learning rate over a step',
    alternative: `The learning rate over the epochs that a child is trained for in a step, by method. Rungs: ${words.join('; ')}.`,
    caption: html`As the paper’s Figure 1. Cosines to 0 from ${settings.step.rate}, computed from the settings. SHR and SHRsep
    begin anew at each rung, SH and NASH at each step. Rungs as children × epochs: ${joined(words, '; ')}.`,
    narrow: draw(settings, shown),
    wide: null,
  };
}
