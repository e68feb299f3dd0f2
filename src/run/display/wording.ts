/** A run as text for people: its configuration, plans, exports, ends, and one line per event for output that is not a terminal. Pure. */
import { methods } from '../../search/methods/table.ts';
import { fitWords } from '../../data/fit.ts';
import { givenReading } from '../../data/reading.ts';
import { describeEdit } from '../../morphism/operators.ts';
import type { Network } from '../../network/network.ts';
import type { ViewsName } from '../../network/views.ts';
import { coresOfRun, formatRungs, rungsFor } from '../../search/rungs.ts';
import type { Settings } from '../../search/settings.ts';
import { limitedSizes, sizes, type SizeLimits } from '../../search/sizes.ts';
import { endsWithHead, isHeadAlone } from '../../search/head-alone.ts';
import { candidateOf, networkOf, validationOf, type CandidateId } from '../../search/state.ts';
import { formatDuration } from '../../util/duration.ts';
import { withoutHash } from '../../util/file-address.ts';
import { formatBytes, formatCount, formatLoss, formatPercent, formatWhole, plural, printable } from '../../util/words.ts';
import type { Config } from '../record/config.ts';
import type { Entry, Exported, Plan } from '../record/events.ts';
import type { RunState } from '../record/replay.ts';
import { shownName, startPhrase, withShownName } from './names.ts';
import { settingsOf, unitOf, type View } from './view.ts';

/** The given network of a search, and its difference from the model that it was read from. */
export function describeFrom({ from }: Config): string[] {
  if (from === null) return [];
  const { reference, compared } = from;
  const checked =
    compared === null
      ? ''
      : `; on ${plural(compared.images, 'image')} its logits are within ${compared.difference.toExponential(1)} of ONNX Runtime's`;
  return [`from ${printable(withoutHash(reference))}${checked}`];
}

/** What a fine-tuning trains after the head. */
function trainedLayers({ settings: { optimizer } }: Config): string {
  if (optimizer.freeze === 0) return 'all layers';
  return optimizer.freeze === 'all-but-head' ? 'its head alone' : `all but its first ${plural(optimizer.freeze, 'layer')}`;
}

/** A budget's plan in one line. */
export function describePlan(plan: Plan, budget: number, config: Config): string {
  const { settings, data } = config;
  const asked = (value: number, before: number | null): string =>
    before === null || value === before ? '' : ` (of ${formatWhole(before)})`;
  if (plan.sizes !== undefined) {
    const { work, rounds, steps, multiplyAdds } = plan.sizes;
    const unit = unitOf({ ...settings, rounds });
    if (methods[settings.method].tunes && steps === 0)
      return `plan for ${formatDuration(budget)}: ${formatCount(work)} multiply-adds of training; the head alone${settings.optimizer.freeze === 'all-but-head' ? '' : `, then ${trainedLayers(config)}`}`;
    return (
      `plan for ${formatDuration(budget)}: ${formatCount(work)} multiply-adds of training; the start network for ` +
      `${plural(plan.vanillaEpochs, unit)}${rounds === 1 ? '' : ` (${rounds} an epoch)`}; ` +
      `${plural(steps, 'step')} of ${plural(plan.children, 'child', 'children')} and ${plural(plan.stepEpochs, unit)}, ` +
      `up to ${formatCount(multiplyAdds)} multiply-adds an image, until ${formatDuration(plan.searchUntil)} at most; then final training`
    );
  }
  return (
    `plan for ${formatDuration(budget)}: ${formatWhole(plan.images)} of ${formatWhole(Math.min(settings.images ?? Infinity, data.trainImages))} training images; ` +
    `the vanilla network for ${plural(plan.vanillaEpochs, 'epoch')}${asked(plan.vanillaEpochs, settings.vanilla.epochs)}; ` +
    `steps of ${plan.children} children${asked(plan.children, settings.step.children)} and ${plural(plan.stepEpochs, 'epoch')}${asked(plan.stepEpochs, settings.step.epochs)}, ` +
    `until ${formatDuration(plan.searchUntil)}; then final training in the remaining time`
  );
}

/** `128 images a minibatch in 4 passes of 32: memory`. */
export const describePasses = ({ batch }: Settings, passes: number): string =>
  `${plural(batch, 'image')} a minibatch in ${passes} passes of ${batch / passes}: memory`;

const isFinal = (id: CandidateId): boolean => id === 'final' || id === 'baseline';

const milliseconds = (value: number): string => (value < 10 ? value.toFixed(1) : value.toFixed(0));

/** The verification of an exported file in one line. */
export function describeExport({ verified, problem }: Pick<Exported, 'verified' | 'problem'>): string {
  if (verified === null) return `verification failed: ${printable(problem ?? '')}`;
  const { bytes, part, images, difference, fileAccuracy, latency } = verified;
  const like = problem === null ? 'same as the engine' : `do not use it: ${problem}`;
  return (
    `${formatBytes(bytes)}; on ${plural(images, `${part} image`)} logits within ${difference.toExponential(0)}, accuracy ${formatPercent(fileAccuracy)}, ${like}; ` +
    `${milliseconds(latency.one)} ms an image, ${milliseconds(latency.batch)} ms for ${latency.size}, ${plural(latency.threads, 'thread')}`
  );
}

/** Behind the name of what was measured; nothing where an image was read as it is. */
export const describeViews = (views: ViewsName): string => (views === 'image' ? '' : `, mean over ${views}`);

export const stopWords: Readonly<Record<string, string>> = {
  steps: 'step limit reached',
  time: 'time limit reached',
  limits: 'no mutation fits the limits',
  kept: 'the network is within the limits',
  parent: 'the parent, as it is, won twice: growth does not help any more',
};

/**
 * Who computed what, of a run with workers on other machines: worker, what its bits depend on, tasks. With the version of Instar
 * where it is not the run's.
 */
export function describeWorkers({ computedBy }: RunState, config: Config): { readonly name: string; readonly text: string }[] {
  const found = new Map<string, { readonly bits: string; readonly tasks: string[] }>();
  for (const [task, workers] of computedBy)
    for (const { name, bits, instar } of workers) {
      const said = instar === config.instar ? bits : `${bits}, Instar ${instar}`;
      const known = found.get(name) ?? { bits: said, tasks: [] };
      if (!known.tasks.includes(task)) known.tasks.push(task);
      found.set(name, known);
    }
  return [...found].map(([name, { bits, tasks }]) => ({
    name: printable(name),
    text: printable(`${bits}: ${tasks.map((task) => withShownName(config, task)).join(', ')}`),
  }));
}

/** What was done to the images of a folder to make them squares, behind their size. */
export const describeFit = ({ data: { reading } }: Config): string =>
  reading === undefined ? '' : `, ${fitWords[givenReading(reading).fit]}`;

/** A network against the limits of devices, of those that are set: `88,104 of 98,304 bytes of int8 weights`; null without any. */
export function describeDevice(network: Network | null, limits: SizeLimits): string | null {
  const set = limitedSizes.flatMap((name) => {
    const most = limits[name];
    if (most === null || name === 'parameters' || name === 'multiplyAdds') return [];
    const { number, words, of } = sizes[name];
    return [`${network === null ? '' : `${number(of(network, limits.times))} of `}${words(most)}`];
  });
  return set.length === 0 ? null : set.join(', ');
}

/** The configuration of a run, before it starts. */
export function describeConfig(config: Config): string[] {
  const { data, settings, engine } = config;
  const { workers, threads } = coresOfRun(config);
  const { channels, height, width } = data.shape;
  const device = describeDevice(null, settings.limits);
  return [
    `${printable(data.name)}: ${plural(data.trainImages, 'training image')} and ${plural(data.testImages, 'test image')} of ` +
      `${channels}×${height}×${width}${describeFit(config)}; ${plural(data.classes.length, 'class', 'classes')}`,
    `method ${settings.method}, preset ${config.preset}, seed ${settings.seed}; ${engine.name} ${engine.version} ` +
      `(${engine.instructionSet}${engine.precision === undefined ? '' : `, ${engine.precision}`}), ${plural(workers, 'worker')}${threads < workers ? `, at most ${plural(threads, 'thread')} a child` : ''}`,
    ...describeFrom(config),
    ...(device === null ? [] : [`at most ${device}`]),
  ];
}

const percentOf = (view: View, id: CandidateId): string => {
  const measured = validationOf(view.run.search, id);
  return measured === null ? 'not measured' : formatPercent(measured.accuracy);
};

const listed = (view: View, config: Config, ids: readonly CandidateId[]): string =>
  ids.map((id) => `${shownName(config, id)} ${percentOf(view, id)}`).join(', ');

function wordsOf(entry: Entry, view: View, config: Config): readonly string[] {
  const { search } = view.run;
  const size = (id: CandidateId): string => {
    const { parameters, multiplyAdds } = candidateOf(search, id);
    return `${formatCount(parameters)} parameters, ${formatCount(multiplyAdds)} multiply-adds`;
  };
  switch (entry.type) {
    case 'task': {
      const { task, line, passes } = entry;
      // Of a network once, and not of each of its tasks.
      const isFirst = (task === line || task === `${line}/0`) && !search.tasks.has(task);
      return passes === undefined || !isFirst ? [] : [`${shownName(config, line)}: ${describePasses(config.settings, passes)}`];
    }
    case 'run':
    case 'worker':
    case 'grown':
    case 'best':
    case 'finished':
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
      return [`best.onnx (${shownName(config, entry.line)}): ${describeExport(entry)}`];
    case 'interrupted':
      return ['interrupted'];
    case 'vanilla':
      return [`${startPhrase(config, search)}: ${size('vanilla')}`];
    case 'step':
      return [
        `step ${entry.step}: ${plural(entry.children.length, 'child', 'children')} of ${shownName(config, entry.parent)}, rungs ${formatRungs(rungsFor(settingsOf(view, config)))}`,
        ...entry.children.map(
          ({ line, edits }) =>
            `  ${shownName(config, line)}: ${edits.length === 0 ? 'unchanged' : edits.map(describeEdit).join(', ')}; ${size(line)}`,
        ),
      ];
    case 'epoch': {
      // Children are logged rung by rung.
      if (/^s\d/.test(entry.line)) return [];
      const validation = entry.validation === null ? '' : `, validation ${formatPercent(entry.validation.accuracy)}`;
      const unit = isFinal(entry.line) ? 'epoch' : unitOf(settingsOf(view, config));
      const isHead = entry.line === 'vanilla' && methods[config.settings.method].tunes;
      const when = isHead ? 'head trained alone' : `${unit} ${entry.epoch}`;
      return [`${shownName(config, entry.line)}: ${when}, loss ${formatLoss(entry.loss)}${validation}`];
    }
    case 'failed':
      return [
        `${shownName(config, entry.line)} ${entry.retried ? 'failed, retrying' : 'is lost'} (${entry.failure}): ${printable(entry.message.split('\n')[0] ?? '')}`,
      ];
    case 'rung': {
      const count = rungsFor(settingsOf(view, config)).length;
      const dropped = entry.dropped.length === 0 ? '' : `; dropped: ${listed(view, config, entry.dropped)}`;
      return [`step ${entry.step}, rung ${entry.rung + 1} of ${count}: ${listed(view, config, entry.survivors)}${dropped}`];
    }
    case 'promotion':
      return entry.rung === 0
        ? []
        : [
            `step ${entry.step}: ${shownName(config, entry.line)} is promoted to rung ${entry.rung + 1} with ${percentOf(view, entry.line)}`,
          ];
    case 'selected':
      return [
        `step ${entry.step}: ${shownName(config, entry.line)} wins with ${percentOf(view, entry.line)}; ${size(entry.line)}`,
      ];
    case 'stop':
      if (candidateOf(search, entry.line).step === 0 && isHeadAlone(config.settings, networkOf(search, entry.line)))
        return [
          `${shownName(config, entry.line)}: all but its head stays as it is, so there is no final training; ${size(entry.line)}`,
        ];
      if (methods[config.settings.method].tunes && candidateOf(search, entry.line).step === 0)
        return [`final training of ${shownName(config, entry.line)}, ${trainedLayers(config)}; ${size(entry.line)}`];
      return [
        `search ended (${stopWords[entry.reason] ?? entry.reason}); final training of ${shownName(config, entry.line)}, ${size(entry.line)}`,
      ];
    case 'undone': {
      if (endsWithHead(search)) return [];
      const after = candidateOf(search, 'final').epochs.at(-1)?.validation ?? null;
      const now = after === null ? '' : `: ${formatPercent(after.accuracy)} of the validation images are right`;
      return [`the final training is taken back${now}, where ${shownName(config, entry.to)} has ${percentOf(view, entry.to)}`];
    }
    case 'slice':
      return [
        `${shownName(config, entry.line)}: ${plural(entry.count, 'minibatch', 'minibatches')}, learning rate ${entry.from > entry.to ? 'rises to' : 'from'} ${entry.rate}`,
      ];
    case 'test':
      return [
        `${shownName(config, entry.line)}: test accuracy ${formatPercent(entry.measured.accuracy)}, loss ${formatLoss(entry.measured.loss)} (test evaluation ${entry.reading})`,
      ];
    case 'reopened':
      return ['the search continues; the final training is discarded'];
  }
}

/** Lines for an entry, `view` being the view after it. */
export const linesFor = (entry: Entry, view: View, config: Config): string[] => {
  const time = `[${formatDuration(entry.t)}]`;
  return wordsOf(entry, view, config).map((line) => `${time} ${line}`);
};
