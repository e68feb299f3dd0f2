/** `instar show`: a run as text or as JSON, from its folder alone; nothing is locked and nothing written. */
import { shownName, startPhrase } from '../run/display/names.ts';
import { describeEdit } from '../morphism/operators.ts';
import { printNetwork } from '../network/print.ts';
import type { Config } from '../run/record/config.ts';
import { conditionOf, readRun, type Read } from '../run/record/read.ts';
import type { RunState } from '../run/record/replay.ts';
import { formatRungs, rungsFor } from '../search/rungs.ts';
import { bestCandidate } from '../search/ranking.ts';
import { presetNames, type Settings } from '../search/settings.ts';
import { accuraciesAfter, candidateOf, unfinishedOf, type CandidateId, type Step, networkOf } from '../search/state.ts';
import { formatDuration } from '../util/duration.ts';
import { hasColour, printJson, printLines, type Io } from './io.ts';
import type { Given } from '../options/commands.ts';
import { describeConfig, describeExport, describePlan, describeWorkers, stopWords } from '../run/display/wording.ts';
import { winnersLine } from './render.ts';
import { differingSettings, valueOf } from '../search/setting-names.ts';
import { paint, type Line as Styled, type Span } from './styled.ts';
import { padLeft, padRight, sparkline } from './text.ts';
import { formatCount, formatLoss, formatPercent, formatWhole, plural, printable } from '../util/words.ts';
import { settingsOf, viewOf, winners } from '../run/display/view.ts';

/** Settings that are not the preset's. The memory limit comes from the machine. */
function differences(config: Config): string {
  const preset = presetNames.find((name) => name === config.preset);
  if (preset === undefined) return '';
  const differs = differingSettings(config.settings, preset).filter((name) => name !== 'method' && name !== 'seed');
  return differs.map((name) => `${name} ${textOf(valueOf(config.settings, name))}`).join(', ');
}

const textOf = (value: unknown): string =>
  value instanceof Object && !Array.isArray(value) ? JSON.stringify(value) : String(value);

function stepLines(
  config: Config,
  state: RunState,
  settings: Settings,
  { step, parent, children, rungs, winner }: Step,
): Styled[] {
  const { search } = state;
  const planned = rungsFor(settings);
  const width = Math.max(...children.map((id) => id.length));
  const lines: Styled[] = [
    [[`Step ${step}`, 'bold'], [`  children of ${shownName(config, parent)}, rungs ${formatRungs(planned)}`]],
  ];
  for (const id of children) {
    const candidate = candidateOf(search, id);
    const { end } = candidate;
    const isWinner = id === winner;
    const after = accuraciesAfter(planned, candidate);
    const unfinished = unfinishedOf(planned, candidate);
    const cells = planned.flatMap((_rung, index): Span[] => {
      const accuracy = after[index] ?? null;
      const dropped = end?.kind === 'dropped' && end.rung === index;
      const survived = rungs[index]?.survivors.includes(id) === true;
      const mark = dropped ? '✗' : isWinner && index === planned.length - 1 ? '★' : survived ? '✓' : ' ';
      // In brackets: within the rung, whose end it has not reached.
      const so = unfinished?.rung === index ? `(${formatPercent(unfinished.accuracy)})` : '';
      return [
        [padLeft(accuracy === null ? so : formatPercent(accuracy), 8), dropped ? 'dim' : 'plain'],
        [` ${mark}`, dropped ? 'dim' : 'good'],
      ];
    });
    const lost = end?.kind === 'lost' ? `  lost: ${printable(end.reason.split('\n')[0] ?? '')}` : '';
    const edits = candidate.edits.length === 0 ? 'unchanged' : candidate.edits.map(describeEdit).join(', ');
    lines.push([
      ['  '],
      [padRight(id, width), isWinner ? 'good' : 'plain'],
      ...cells,
      [padLeft(formatCount(candidate.parameters), 9)],
      [padLeft(formatCount(candidate.multiplyAdds), 9)],
      ['  '],
      [edits, 'dim'],
      [end?.kind === 'undrawn' ? '  not sampled' : lost, 'bad'],
    ]);
  }
  return lines;
}

const head = (name: string, ...content: Span[]): Styled => [[padRight(name, 14), 'dim'], ...content];

function certificateLine(state: RunState): Styled[] {
  const certificates = [...state.search.candidates.values()].flatMap(({ certificate }) => certificate ?? []);
  if (certificates.length === 0) return [];
  const evaluation = Math.max(...certificates.map((one) => one.evaluation));
  const training = Math.max(...certificates.map((one) => one.training));
  return [
    head('certificates', [
      `${plural(certificates.length, 'child', 'children')}; worst: logits ${evaluation.toExponential(1)}, training-mode loss ${(100 * training).toFixed(2)} %`,
    ]),
  ];
}

function failureLines({ replay, config }: Read): Styled[] {
  const failed = replay.entries.flatMap((entry) => (entry.type === 'failed' ? [entry] : []));
  return failed.map(({ line, failure, message, retried, t }, index) =>
    head(index === 0 ? 'failures' : '', [
      `[${formatDuration(t)}] ${shownName(config, line)} ${failure}${retried ? ', tried again' : ''}: ${printable(message.split('\n')[0] ?? '')}`,
      'bad',
    ]),
  );
}

const workerLines = ({ state, config }: Read): Styled[] =>
  describeWorkers(state, config).map((one, index) => head(index === 0 ? 'workers' : '', [`${one.name}  `], [one.text, 'dim']));

function endLines(config: Config, { search, exports }: RunState): Styled[] {
  const lines: Styled[] = [];
  if (search.stop !== null) lines.push(head('search ended', [stopWords[search.stop.reason] ?? search.stop.reason]));
  for (const id of ['final', 'baseline'] as const) {
    const candidate = search.candidates.get(id);
    if (candidate === undefined || candidate.epochs.length === 0) continue;
    const losses = candidate.epochs.map(({ loss }) => loss);
    lines.push(
      head(
        id,
        [`${plural(losses.length, 'epoch')}, loss ${formatLoss(losses[0] ?? 0)} to ${formatLoss(losses.at(-1) ?? 0)}  `],
        [sparkline(losses, 30), 'good'],
      ),
    );
  }
  for (const [id, { measured }] of search.tests)
    lines.push(
      head(
        'test',
        [`${shownName(config, id)} `],
        [formatPercent(measured.accuracy), 'bold'],
        [`, loss ${formatLoss(measured.loss)}`],
      ),
    );
  const best = bestCandidate(search);
  const exported = best === null ? undefined : exports.get(best);
  if (exported !== undefined)
    lines.push(
      head('best.onnx', [
        `${shownName(config, exported.line)}: ${describeExport(exported)}`,
        exported.problem === null ? 'plain' : 'warn',
      ]),
    );
  if (search.readings > 0) lines.push(head('test set', [plural(search.readings, 'test evaluation')]));
  return lines;
}

function text(root: string, read: Read): Styled[] {
  const { config, state, replay } = read;
  const { search, plan } = state;
  const view = viewOf(state);
  const condition = conditionOf(read);
  const settings = settingsOf(view, config);
  const different = differences(config);
  const best = bestCandidate(search);
  const budget = state.budget ?? config.budget;
  const lines: Styled[] = [
    [
      [printable(root), 'bold'],
      [`  ${condition}, `, condition === 'finished' ? 'good' : 'warn'],
      [`${formatDuration(state.seconds)} of active time`],
    ],
    ...describeConfig(config).map((line): Styled => [[line]]),
  ];
  if (different !== '') lines.push([[`settings: ${different}`]]);
  if (plan !== null && budget !== null) lines.push([[describePlan(plan, budget, config)]]);
  else if (budget !== null) lines.push([[`budget ${formatDuration(budget)}`]]);
  if (replay.torn > 0)
    lines.push([
      [
        `the last line of the journal is incomplete (${plural(replay.torn, 'byte')}): it is being written, or resume removes it`,
        'warn',
      ],
    ]);

  const vanilla = search.candidates.get('vanilla');
  if (vanilla !== undefined) {
    const curve = vanilla.epochs.flatMap(({ validation }) => (validation === null ? [] : [validation.accuracy]));
    const last = curve.at(-1);
    lines.push(
      [],
      [
        [startPhrase(config, search).replace(/^./, (letter) => letter.toUpperCase()), 'bold'],
        [
          `  ${formatCount(vanilla.parameters)} parameters, ${formatCount(vanilla.multiplyAdds)} multiply-adds; ${plural(vanilla.epochs.length, 'epoch')}`,
        ],
        [last === undefined ? '' : `, ${formatPercent(last)}  `],
        [sparkline(curve, 30), 'good'],
      ],
    );
  }
  for (const step of search.steps) lines.push([], ...stepLines(config, state, settings, step));
  const story = [...certificateLine(state), ...failureLines(read), ...workerLines(read), ...endLines(config, state)];
  const lineage = winnersLine(view, config, 100_000);
  lines.push([], ...(lineage.length === 0 ? [] : [head('lineage', ...lineage)]), ...story);
  if (best !== null) {
    const { parameters, multiplyAdds } = candidateOf(search, best);
    const network = networkOf(search, best);
    const name = search.finished ? 'Winner' : 'Best so far';
    lines.push(
      [],
      [
        [`${name} (${shownName(config, best)})`, 'bold'],
        [`  ${formatWhole(parameters)} parameters, ${formatCount(multiplyAdds)} multiply-adds an image`],
      ],
      ...printNetwork(network)
        .split('\n')
        .map((line): Styled => [[`  ${line}`]]),
    );
  }
  return lines;
}

function json(root: string, read: Read): unknown {
  const { config, state, replay } = read;
  const { search } = state;
  const settings = settingsOf(viewOf(state), config);
  const best = bestCandidate(search);
  const rungs = rungsFor(settings);
  const child = (id: CandidateId): unknown => {
    const candidate = candidateOf(search, id);
    const { edits, parameters, multiplyAdds, certificate, end, epochs } = candidate;
    const [accuracies, unfinished] = [accuraciesAfter(rungs, candidate), unfinishedOf(rungs, candidate)];
    const operators = edits.map(describeEdit);
    return { line: id, operators, parameters, multiplyAdds, certificate, accuracies, unfinished, epochs, end };
  };
  return {
    run: root,
    state: conditionOf(read),
    seconds: state.seconds,
    config,
    budget: state.budget,
    plan: state.plan,
    rungs,
    steps: search.steps.map((step) => ({ ...step, children: step.children.map(child) })),
    grown: winners(search),
    computedBy: Object.fromEntries(state.computedBy),
    failures: replay.entries.filter((entry) => entry.type === 'failed'),
    stop: search.stop,
    tests: Object.fromEntries(search.tests),
    exports: Object.fromEntries(state.exports),
    readings: search.readings,
    torn: replay.torn,
    best:
      best === null ? null : { line: best, network: networkOf(search, best), parameters: candidateOf(search, best).parameters },
  };
}

export function showCommand(root: string, given: Given<'show'>, io: Io): number {
  const read = readRun(root);
  const colour = hasColour(io, io.out);
  if (given.json === true) printJson(io.out, json(root, read));
  else
    printLines(
      io.out,
      text(root, read).map((line) => paint(line, colour)),
    );
  return 0;
}
