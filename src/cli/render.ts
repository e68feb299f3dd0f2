/**
 * The live display as lines of text: a pure function of the view, the configuration, the time and the screen. Every line fits
 * the width, and there are fewer lines than the screen has.
 */
import { firstPhrase, shownName, startPhrase, withShownName } from '../run/display/names.ts';
import { methods } from '../search/methods/table.ts';
import type { Config } from '../run/record/config.ts';
import { describeExport } from '../run/display/wording.ts';
import { candidateOf, type Candidate } from '../search/state.ts';
import { formatDuration } from '../util/duration.ts';
import { shortEdits } from '../morphism/operators.ts';
import type { Screen } from './display.ts';
import { fit, lineWidth, paint, spread, type Line, type Span, type Style } from './styled.ts';
import { bar, padLeft, padRight, sparkline, truncate } from './text.ts';
import { formatCount, formatLoss, formatPercent, formatWhole, plural, printable } from '../util/words.ts';
import { rungsFor } from '../search/rungs.ts';
import { candidatesOf, progressOf, rungOf, rungWords, statusOf, statusWords, type Status } from '../run/display/status.ts';
import { imagesPerSecond, phaseOf, settingsOf, unitOf, winners, type Phase, type View } from '../run/display/view.ts';
import { timeLeft } from '../run/display/time-left.ts';

export interface Scene {
  readonly view: View;
  readonly config: Config;
  /** The run's folder. */
  readonly root: string;
  /** Active seconds. */
  readonly now: number;
  /** A message below everything, such as that the run is stopping. */
  readonly notice: string | null;
}

const marks: { readonly [S in Status]: { readonly mark: string; readonly style: Style } } = {
  running: { mark: '●', style: 'accent' },
  waiting: { mark: '·', style: 'plain' },
  promoted: { mark: '✓', style: 'good' },
  winner: { mark: '★', style: 'good' },
  dropped: { mark: '✗', style: 'dim' },
  undrawn: { mark: '–', style: 'dim' },
  lost: { mark: '!', style: 'bad' },
  done: { mark: '✓', style: 'good' },
};

function headLine({ view, config, root, now }: Scene, width: number): Line {
  const left = timeLeft(view, config, now);
  const ofBudget = width < 90 ? '' : ' of the budget';
  const words = left === null ? '' : formatDuration(left.seconds);
  const rest = left === null ? '' : left.kind === 'budget' ? `, ${words}${ofBudget} left` : `, ~${words} left`;
  const title: Line = [
    ['instar ', 'strong'],
    [printable(config.data.name), 'bold'],
    [` · ${config.settings.method} · ${printable(root)}`, 'dim'],
  ];
  return spread(title, [[formatDuration(now), 'bold'], [rest]], width);
}

function rungLine(view: View, config: Config, phase: Phase & { kind: 'step' }): Line {
  const rungs = rungsFor(settingsOf(view, config));
  return rungs.flatMap(({ size, epochs }, index): Span[] => {
    const text = `${size}×${epochs}`;
    if (index < (phase.rung ?? 0)) return [[`  ${text}`, 'dim']];
    return index === phase.rung && phase.step.winner === null ? [[` ▸${text}`, 'strong']] : [[`  ${text}`]];
  });
}

function phaseLine({ view, config, now }: Scene, phase: Phase, width: number): Line {
  const settings = settingsOf(view, config);
  const speed = imagesPerSecond(view, config, now);
  const passes = Math.max(1, ...[...view.running.keys()].map((id) => view.run.passes.get(id) ?? 1));
  const inPasses = passes === 1 ? '' : `, ${passes} passes a minibatch`;
  const right: Line = speed === null ? [] : [[`${formatWhole(Math.round(speed))} images/s${inPasses}`, 'dim']];
  const words = (): Line => {
    switch (phase.kind) {
      case 'start':
        return [[config.budget === null ? 'starting' : 'measuring this machine for the budget', 'bold']];
      case 'vanilla':
        return [
          [firstPhrase(config, view.run.search), 'bold'],
          [methods[settings.method].tunes ? ', all else as it is' : `, ${plural(settings.vanilla.epochs, unitOf(settings))}`],
        ];
      case 'step': {
        const of = settings.limits.steps === null || view.run.budget !== null ? '' : ` of ${settings.limits.steps}`;
        const rung = rungWords({ view, config }, phase);
        return [[`step ${phase.step.step}${of}`, 'bold'], [rung === '' ? '' : `, ${rung} `], ...rungLine(view, config, phase)];
      }
      case 'final':
        return [['final training', 'bold'], [` of ${shownName(config, view.run.search.stop?.line ?? '')}`]];
      case 'baseline':
        return [['baseline', 'bold'], [`: the ${startPhrase(config, view.run.search)}, trained for the same epochs`]];
      case 'test':
        return [['test evaluation', 'bold']];
      case 'verification':
        return [['verification', 'bold'], [': best.onnx is run and compared with the engine']];
      case 'done':
        return [['done', 'good']];
    }
  };
  const left = words();
  return lineWidth(left) + lineWidth(right) + 2 > width ? fit(left, width) : spread(left, right, width);
}

interface Columns {
  readonly spark: number;
  readonly bar: number;
  readonly loss: boolean;
  readonly multiplyAdds: boolean;
  readonly epochs: boolean;
}

const columnsFor = (width: number): Columns =>
  width >= 100
    ? { spark: 10, bar: 10, loss: true, multiplyAdds: true, epochs: true }
    : width >= 78
      ? { spark: 8, bar: 10, loss: true, multiplyAdds: true, epochs: false }
      : { spark: 6, bar: 8, loss: width >= 68, multiplyAdds: false, epochs: false };

function row(scene: Scene, phase: Phase, candidate: Candidate, columns: Columns): Line {
  const status = statusOf(scene, phase, candidate);
  const { mark, style } = marks[status];
  const rung = phase.kind === 'step' && phase.rung === null ? rungOf(phase.step, candidate.id) : null;
  const quiet = status === 'dropped';
  const base: Style = quiet ? 'dim' : 'plain';
  const { view } = scene;
  const validated = candidate.epochs.flatMap(({ validation }) => (validation === null ? [] : [validation.accuracy]));
  const own = validated.at(-1) ?? null;
  const accuracy = own === null ? '–' : formatPercent(own);
  // The final training has no validation: its curve is the loss.
  const curve = validated.length > 0 ? validated : candidate.epochs.map((point) => point.loss);
  const loss = candidate.epochs.at(-1)?.loss ?? view.running.get(candidate.id)?.loss ?? null;
  const { epoch, share } = progressOf(scene, phase, candidate.id);
  const filled = bar(share, columns.bar - 2);
  const room = columns.bar + (columns.epochs ? 6 : 0);
  const word = truncate(columns.epochs ? ` ${statusWords[status]}` : statusWords[status], room);
  const epochWords = columns.epochs ? `${padLeft(epoch, 5)} ` : '';
  const activity: Span[] =
    status === 'running'
      ? [[epochWords], ['▕', 'dim'], [filled.full, 'accent'], [filled.empty], ['▏', 'dim']]
      : [[padRight(word, room), style === 'plain' ? 'dim' : style]];
  return [
    [`${mark} `, style],
    [padRight(truncate(shownName(scene.config, candidate.id), 9), 9), status === 'winner' ? 'bold' : base],
    [padLeft(accuracy, 7), own === null ? 'dim' : status === 'winner' ? 'good' : base],
    [' '],
    [padRight(sparkline(curve, columns.spark), columns.spark + 1), quiet ? 'dim' : 'good'],
    [columns.loss ? padLeft(loss === null ? '–' : formatLoss(loss), 6) : '', base],
    [padLeft(formatCount(candidate.parameters), 8), base],
    [columns.multiplyAdds ? padLeft(formatCount(candidate.multiplyAdds), 9) : '', base],
    [' '],
    ...activity,
    [
      ` ${rung === null ? '' : `rung ${rung + 1}: `}${candidate.id.startsWith('s') ? shortEdits(candidate.edits) : ''}`,
      quiet ? 'dim' : 'plain',
    ],
  ];
}

const heading = (columns: Columns, first: string): Line => [
  [
    `  ${padRight(first, 9)}${padLeft('valid.', 7)} ${' '.repeat(columns.spark + 1)}${columns.loss ? padLeft('loss', 6) : ''}${padLeft('param.', 8)}` +
      `${columns.multiplyAdds ? padLeft('mul-adds', 9) : ''} ${padRight(columns.epochs ? ' epoch' : 'epoch', columns.bar + (columns.epochs ? 6 : 0))}` +
      (first === 'child' ? ' operators' : ''),
    'dim',
  ],
];

/** Rows for at most `room` lines: dropped and lost candidates are left out first. */
function table(scene: Scene, phase: Phase, columns: Columns, room: number): Line[] {
  const lines = candidatesOf(scene, phase).map((id) => candidateOf(scene.view.run.search, id));
  if (lines.length === 0 || room < 2) return [];
  const head = heading(columns, phase.kind === 'step' ? 'child' : 'network');
  const shown = (line: Candidate): Line => row(scene, phase, line, columns);
  if (lines.length + 1 <= room) return [head, ...lines.map(shown)];
  const order: readonly Status[] = ['running', 'winner', 'promoted', 'done', 'waiting', 'lost', 'dropped', 'undrawn'];
  const ranked = lines.toSorted((a, b) => order.indexOf(statusOf(scene, phase, a)) - order.indexOf(statusOf(scene, phase, b)));
  const kept = new Set(ranked.slice(0, Math.max(1, room - 2)));
  const hidden = lines.length - kept.size;
  const rows = lines.filter((line) => kept.has(line)).map(shown);
  return [head, ...rows, ...(room >= 3 ? [[[`  … and ${hidden} more`, 'dim'] as Span]] : [])];
}

/** `vanilla 71.2 % → s1c3 76.0 %`; the oldest are left out where the width is short. */
export function winnersLine(view: View, config: Config, width: number): Line {
  const parts = winners(view.run.search).map(({ line, accuracy }): Line => [
    [shownName(config, line)],
    accuracy === null ? [''] : [` ${formatPercent(accuracy)}`, 'bold'],
  ]);
  for (let first = 0; first < parts.length; first++) {
    const line: Span[] = first === 0 ? [] : [['… → ', 'dim']];
    parts.slice(first).forEach((part, index) => line.push(...(index === 0 ? [] : [[' → ', 'dim'] as Span]), ...part));
    if (lineWidth(line) <= width || first === parts.length - 1) return fit(line, width);
  }
  return [];
}

function testLine({ view, config }: Scene): Line[] {
  const { tests } = view.run.search;
  const parts = [...tests].flatMap(([line, { measured }], index): Span[] => [
    [index === 0 ? '' : '   ', 'dim'],
    [`${shownName(config, line)} `],
    [formatPercent(measured.accuracy), 'good'],
  ]);
  return parts.length === 0 ? [] : [[['test     ', 'dim'], ...parts]];
}

/** The last export that was verified. */
function exportLine({ view, config }: Scene): Line[] {
  const last = [...view.run.exports.values()].at(-1);
  if (last === undefined) return [];
  return [
    [
      ['file     ', 'dim'],
      [`${shownName(config, last.line)} `],
      [describeExport(last), last.problem === null ? 'plain' : 'warn'],
    ],
  ];
}

/** The whole display. */
export function render(scene: Scene, screen: Screen): string[] {
  const width = Math.max(20, screen.width);
  const most = Math.max(2, screen.height - 1);
  const { view, config, notice } = scene;
  const phase = phaseOf(view.run.search, view.running);
  const columns = columnsFor(width);
  const head = [headLine(scene, width), phaseLine(scene, phase, width)].slice(0, most - (notice === null ? 0 : 1));
  const tail: Line[] = [];
  const lineage = winnersLine(view, config, width - 9);
  if (lineage.length > 0 && winners(view.run.search)[0]?.accuracy != null) tail.push([['lineage  ', 'dim'], ...lineage]);
  tail.push(...testLine(scene));
  const messages = view.messages.slice(-3).map((message): Line => [
    ['! ', 'bad'],
    [printable(withShownName(config, message)), 'bad'],
  ]);
  const foot: Line[] = notice === null ? [] : [[[notice, 'warn']]];

  // Drop what does not fit, the least important first: blank lines, the file, messages, the line of winners.
  let rest = most - head.length - foot.length;
  const wanted = candidatesOf(scene, phase).length + 1;
  const keptTail = tail.slice(0, Math.max(0, Math.min(tail.length, rest - 3)));
  rest -= keptTail.length;
  const keptMessages = messages.slice(messages.length - Math.max(0, Math.min(messages.length, rest - wanted)));
  rest -= keptMessages.length;
  const file = exportLine(scene).slice(0, Math.max(0, rest - wanted));
  rest -= file.length;
  const blanks = rest >= wanted + 2;
  if (blanks) rest -= 2;
  const rows = table(scene, phase, columns, rest);
  const blank: Line[] = blanks && rows.length > 0 ? [[['']]] : [];
  const after: Line[] =
    blanks && rows.length > 0 && keptTail.length + file.length + keptMessages.length + foot.length > 0 ? [[['']]] : [];
  return [...head, ...blank, ...rows, ...after, ...keptTail, ...file, ...keptMessages, ...foot]
    .slice(0, most)
    .map((line) => paint(fit(line, width), screen.colour));
}
