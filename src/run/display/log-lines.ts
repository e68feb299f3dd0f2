/** A run as a plain log, one line per event, for output that is not a terminal. Pure. */
import { describeEdit } from '../../morphism/operators.ts';
import type { Config } from '../record/config.ts';
import type { Entry } from '../record/events.ts';
import { coresOfRun, formatRungs, rungsFor } from '../../search/rungs.ts';
import { candidateOf, validationOf, type CandidateId, startWords } from '../../search/state.ts';
import { formatDuration } from '../../util/duration.ts';
import { describeExport, describeFrom, describePlan, stopWords } from './wording.ts';
import { formatCount, formatLoss, formatPercent, plural, printable } from '../../util/words.ts';
import { settingsOf, type View } from './view.ts';

/** The configuration of a run, before it starts. */
export function describeConfig(config: Config): string[] {
  const { data, settings, engine } = config;
  const { workers, threads } = coresOfRun(config);
  const { channels, height, width } = data.shape;
  return [
    `${printable(data.name)}: ${plural(data.trainImages, 'training image')} and ${plural(data.testImages, 'test image')} of ` +
      `${channels}×${height}×${width}, ${plural(data.classes.length, 'class', 'classes')}`,
    `method ${settings.method}, preset ${config.preset}, seed ${settings.seed}; ${engine.name} ${engine.version} ` +
      `(${engine.instructionSet}), ${plural(workers, 'worker')}${threads < workers ? `, at most ${plural(threads, 'thread')} a child` : ''}`,
    ...describeFrom(config),
  ];
}

const percentOf = (view: View, id: CandidateId): string => {
  const measured = validationOf(view.run.search, id);
  return measured === null ? 'not measured' : formatPercent(measured.accuracy);
};

const listed = (view: View, ids: readonly CandidateId[]): string => ids.map((id) => `${id} ${percentOf(view, id)}`).join(', ');

function wordsOf(entry: Entry, view: View, config: Config): readonly string[] {
  const { search } = view.run;
  const size = (id: CandidateId): string => {
    const { parameters, multiplyAdds } = candidateOf(search, id);
    return `${formatCount(parameters)} parameters, ${formatCount(multiplyAdds)} multiply-adds`;
  };
  switch (entry.type) {
    case 'run':
    case 'task':
    case 'worker':
    case 'grown':
      return [];
    case 'plan':
      return [describePlan(entry.plan, entry.budget, config)];
    case 'extended':
      return [`the budget is now ${formatDuration(entry.budget)}`];
    case 'resumed':
      return [
        `resumed${entry.cut > 0 ? `; ${plural(entry.cut, 'byte')} of a incomplete last line were removed from the journal` : ''}${entry.mixed ? '; on another engine, processor or Node than before' : ''}`,
      ];
    case 'exported':
      return [`best.onnx (${entry.line}): ${describeExport(entry)}`];
    case 'interrupted':
      return ['interrupted'];
    case 'vanilla':
      return [`${startWords(search)}: ${size('vanilla')}`];
    case 'step':
      return [
        `step ${entry.step}: ${plural(entry.children.length, 'child', 'children')} of ${entry.parent}, rungs ${formatRungs(rungsFor(settingsOf(view, config)))}`,
        ...entry.children.map(
          ({ line, edits }) =>
            `  ${line}: ${edits.length === 0 ? 'unchanged' : edits.map(describeEdit).join(', ')}; ${size(line)}`,
        ),
      ];
    case 'epoch': {
      // Children are logged rung by rung.
      if (/^s\d/.test(entry.line)) return [];
      const validation = entry.validation === null ? '' : `, validation ${formatPercent(entry.validation.accuracy)}`;
      return [`${entry.line}: epoch ${entry.epoch}, loss ${formatLoss(entry.loss)}${validation}`];
    }
    case 'failed':
      return [
        `${entry.line} ${entry.retried ? 'failed, retrying' : 'is lost'} (${entry.failure}): ${printable(entry.message.split('\n')[0] ?? '')}`,
      ];
    case 'rung': {
      const count = rungsFor(settingsOf(view, config)).length;
      const dropped = entry.dropped.length === 0 ? '' : `; dropped: ${listed(view, entry.dropped)}`;
      return [`step ${entry.step}, rung ${entry.rung + 1} of ${count}: ${listed(view, entry.survivors)}${dropped}`];
    }
    case 'promotion':
      return entry.rung === 0
        ? []
        : [`step ${entry.step}: ${entry.line} is promoted to rung ${entry.rung + 1} with ${percentOf(view, entry.line)}`];
    case 'selected':
      return [`step ${entry.step}: ${entry.line} wins with ${percentOf(view, entry.line)}; ${size(entry.line)}`];
    case 'stop':
      return [`search ended (${stopWords[entry.reason] ?? entry.reason}); final training of ${entry.line}, ${size(entry.line)}`];
    case 'slice':
      return [`${entry.line}: ${plural(entry.count, 'minibatch', 'minibatches')}, learning rate from ${entry.rate}`];
    case 'test':
      return [
        `${entry.line}: test accuracy ${formatPercent(entry.measured.accuracy)}, loss ${formatLoss(entry.measured.loss)} (test evaluation ${entry.reading})`,
      ];
    case 'finished':
      return [];
    case 'reopened':
      return ['the search continues; the final training is discarded'];
  }
}

/** Lines for an entry, `view` being the view after it. */
export const linesFor = (entry: Entry, view: View, config: Config): string[] => {
  const time = `[${formatDuration(entry.t)}]`;
  return wordsOf(entry, view, config).map((line) => `${time} ${line}`);
};
