/** What the journal knows beside the story: certificates, exports, failures, engine and machine, interruptions. */
import { toleranceOf } from '../../morphism/operators.ts';
import { coresOfRun } from '../../search/rungs.ts';
import { describeExport, describeWorkers } from '../../run/display/wording.ts';
import { formatDuration } from '../../util/duration.ts';
import { formatBytes, formatPercent, formatWhole, plural, printable } from '../../util/words.ts';
import { html, type Content, type Markup } from '../markup.ts';
import type { Subject } from '../subject.ts';
import { pairs, scrolling, section, table, type Place } from './parts.ts';

function certificates({ state }: Subject): Markup {
  const certified = [...state.search.candidates.values()].filter(({ certificate }) => certificate !== null);
  const all = certified.flatMap(({ certificate }) => certificate ?? []);
  if (all.length === 0) return html`<p>No child has been certified yet.</p>`;
  const tolerance = toleranceOf(certified.flatMap(({ edits }) => edits));
  const worst = {
    evaluation: Math.max(...all.map((one) => one.evaluation)),
    training: Math.max(...all.map((one) => one.training)),
  };
  return html`<p>
    ${all.length === 1 ? 'One grown child was' : `${formatWhole(all.length)} grown children were`} measured against
    ${all.length === 1 ? 'its' : 'their'} parent before the first minibatch. Worst: logits differ by
    ${worst.evaluation.toExponential(1)} of the parent’s largest (${tolerance.evaluation} is allowed), the loss with batch
    statistics by ${(100 * worst.training).toFixed(2)} % (${(100 * tolerance.training).toFixed(0)} % is allowed).
  </p>`;
}

function exportsOf({ state }: Subject): Markup {
  const all = [...state.exports.values()];
  if (all.length === 0) return html`<p>No exported file has been verified.</p>`;
  const rows = all.map(({ line, verified, problem }): readonly Content[] =>
    verified === null
      ? [line, describeExport({ verified, problem }), '', '', '', '', '']
      : [
          line,
          problem === null ? 'as the engine’s' : html`<strong class="bad">not to be trusted: ${problem}</strong>`,
          `${formatPercent(verified.fileAccuracy)} of ${formatWhole(verified.images)} (${verified.part})`,
          verified.difference.toExponential(1),
          formatPercent(verified.agreement),
          formatBytes(verified.bytes),
          `${verified.latency.one.toFixed(1)} / ${verified.latency.batch.toFixed(0)} ms (1 / ${verified.latency.size}, ${plural(verified.latency.threads, 'thread')})`,
        ],
  );
  return scrolling(
    'Exports',
    table(
      'Exported ONNX files, run in ONNX Runtime beside the engine on the same images',
      [
        { title: 'network' },
        { title: 'answers' },
        { title: 'accuracy', numeric: true },
        { title: 'logits differ by', numeric: true },
        { title: 'same class', numeric: true },
        { title: 'size', numeric: true },
        { title: 'latency', numeric: true },
      ],
      rows,
    ),
  );
}

function failures({ entries }: Subject): Markup {
  const failed = entries.flatMap((entry) => (entry.type === 'failed' ? [entry] : []));
  if (failed.length === 0) return html`<p>No task failed.</p>`;
  return scrolling(
    'Failures',
    table(
      plural(failed.length, 'failed task'),
      [{ title: 'at' }, { title: 'network' }, { title: 'what' }, { title: 'message' }, { title: 'then' }],
      failed.map(({ t, line, failure, message, retried }) => [
        formatDuration(t),
        line,
        failure,
        printable(message.split('\n')[0] ?? ''),
        retried ? 'tried again' : 'lost',
      ]),
    ),
  );
}

const when = (at: string): string => `${at.slice(0, 16).replace('T', ' ')} UTC`;

function journal(subject: Subject): Markup {
  const { config, state, entries, torn } = subject;
  const resumed = entries.flatMap((entry) => (entry.type === 'resumed' ? [entry] : []));
  const interrupted = entries.filter(({ type }) => type === 'interrupted').length;
  const mixed = resumed.filter((entry) => entry.mixed).length;
  const [first, last] = [entries[0], entries.at(-1)];
  const { engine, data } = config;
  return pairs([
    [
      'engine',
      `${engine.name} ${engine.version}, ${engine.instructionSet}, convolutions ${engine.convolution}${engine.device === 'cpu' ? '' : `, on ${engine.device}`}`,
    ],
    ['machine', `${config.platform}, Node ${config.node}`],
    ['Instar', config.instar],
    [
      'workers',
      `${formatWhole(config.workers)}: as many threads, shared by the children that are planned side by side, at most ${coresOfRun(config).threads} a child`,
    ],
    ...describeWorkers(state, config).map(({ name, text }) => [`computed by ${name}`, text] as const),
    ['begun', first === undefined ? 'not yet' : when(first.at)],
    ['last event', last === undefined ? 'none' : `${when(last.at)}, after ${formatDuration(state.seconds)} of work`],
    ['events', formatWhole(entries.length)],
    ['interrupted', interrupted === 0 ? 'never (a process that was killed leaves no event)' : plural(interrupted, 'time')],
    [
      'resumed',
      resumed.length === 0
        ? 'never'
        : `${plural(resumed.length, 'time')}${mixed === 0 ? '' : `, of which ${mixed} on another engine, processor or Node`}`,
    ],
    ...(torn === 0 ? [] : ([['torn', `${plural(torn, 'byte')} of an unfinished last line`]] as const)),
    ['readings of the test set', formatWhole(state.search.readings)],
    ['data', html`<code>${data.reference}</code>, SHA-256 <code class="hash">${data.hash}</code>`],
  ]);
}

export const factsSection = (subject: Subject, place: Place): Markup =>
  section(
    place,
    'facts',
    'Kept in the journal',
    html`<h3>Certificates</h3>`,
    certificates(subject),
    html`<h3>The file to deploy</h3>`,
    exportsOf(subject),
    html`<h3>Failures</h3>`,
    failures(subject),
    html`<h3>Engine, machine, interruptions</h3>`,
    journal(subject),
  );
