/** The settings and limits of a run, and other facts of its journal: certificates, exports, failures, engine, interruptions. */
import { shownName } from '../../run/display/names.ts';
import { coresOfRun } from '../../search/rungs.ts';
import { describeExport, describePasses, describePlan, describeWorkers } from '../../run/display/wording.ts';
import { toleranceOf } from '../../morphism/operators.ts';
import { differingSettings, valueOf } from '../../search/setting-names.ts';
import { presetNames, presets } from '../../search/settings.ts';
import { formatDuration } from '../../util/duration.ts';
import { formatBytes, formatMilliseconds, formatPercent, formatWhole, plural, printable } from '../../util/words.ts';
import { html, type Content, type Markup } from '../markup.ts';
import type { RunDetails } from '../run-details.ts';
import { numbers, pairs, scrollingTable, section, texts } from './parts.ts';

function certificates({ state }: RunDetails): Markup {
  const certified = [...state.search.candidates.values()].filter(({ certificate }) => certificate !== null);
  const all = certified.flatMap(({ certificate }) => certificate ?? []);
  const tolerance = toleranceOf(certified.flatMap(({ edits }) => edits));
  if (all.length === 0) return html`<p>No child has a certificate yet.</p>`;
  const evaluation = Math.max(...all.map((one) => one.evaluation));
  const training = Math.max(...all.map((one) => one.training));
  return html`<p>
    ${plural(all.length, 'mutated child was', 'mutated children were')} compared with the parent before training. Largest
    differences: logits ${evaluation.toExponential(1)} of the parent’s largest logit (limit ${tolerance.evaluation}), loss in
    training mode ${(100 * training).toFixed(2)} % (limit ${(100 * tolerance.training).toFixed(0)} %).
  </p>`;
}

export function exportsOf({ state, config }: RunDetails): Markup {
  const all = [...state.exports.values()];
  if (all.length === 0) return html`<p>No exported file has been verified yet.</p>`;
  const rows = all.map(({ line, verified, problem }): readonly Content[] =>
    verified === null
      ? [shownName(config, line), describeExport({ verified, problem }), '', '', '', '', '']
      : [
          shownName(config, line),
          problem === null ? 'same as the engine’s' : html`<strong class="bad">do not use: ${problem}</strong>`,
          `${formatPercent(verified.fileAccuracy)} of ${formatWhole(verified.images)} (${verified.part})`,
          verified.difference.toExponential(1),
          formatPercent(verified.agreement),
          formatBytes(verified.bytes),
          `${verified.latency.one.toFixed(1)} / ${verified.latency.batch.toFixed(0)} ms (1 / ${verified.latency.size}, ${plural(verified.latency.threads, 'thread')})`,
        ],
  );
  const columns = [
    ...texts('network', 'results'),
    ...numbers('accuracy', 'difference of logits', 'same class', 'size', 'latency'),
  ];
  return scrollingTable('Exports', 'ONNX files, compared with the engine in ONNX Runtime on the same images', columns, rows);
}

function failures({ entries }: RunDetails): Markup {
  const failed = entries.flatMap((entry) => (entry.type === 'failed' ? [entry] : []));
  if (failed.length === 0) return html`<p>No task failed.</p>`;
  const rows = failed.map(({ t, line, failure, message, retried }) => [
    formatDuration(t),
    line,
    failure,
    printable(message.split('\n')[0] ?? ''),
    retried ? 'retried' : 'lost',
  ]);
  const columns = texts('time', 'network', 'failure', 'message', 'result');
  return scrollingTable('Failures', plural(failed.length, 'failed task'), columns, rows);
}

const formatTime = (at: string): string => `${at.slice(0, 16).replace('T', ' ')} UTC`;

function journal(run: RunDetails): Markup {
  const { config, state, entries, torn } = run;
  const resumed = entries.flatMap((entry) => (entry.type === 'resumed' ? [entry] : []));
  const interrupted = entries.filter(({ type }) => type === 'interrupted').length;
  const mixed = resumed.filter((entry) => entry.mixed).length;
  const [first, last] = [entries[0], entries.at(-1)];
  const { engine, data } = config;
  return pairs([
    [
      'engine',
      `${engine.name} ${engine.version}, ${engine.instructionSet}, convolutions ${engine.convolution}${engine.precision === undefined ? '' : ` in ${engine.precision}`}${engine.device === 'cpu' ? '' : `, on ${engine.device}`}`,
    ],
    ['machine', `${config.platform}, Node ${config.node}`],
    ['Instar', config.instar],
    [
      'workers',
      `${formatWhole(config.workers)} threads, shared by the children of a rung; at most ${coresOfRun(config).threads} per child`,
    ],
    ...describeWorkers(state, config).map(({ name, text }) => [`computed by ${name}`, text] as const),
    ['started', first === undefined ? 'not yet' : formatTime(first.at)],
    ['last event', last === undefined ? 'none' : `${formatTime(last.at)}, after ${formatDuration(state.seconds)} of work`],
    ['events', formatWhole(entries.length)],
    ['interrupted', interrupted === 0 ? 'never (a killed process leaves no event)' : plural(interrupted, 'time')],
    [
      'resumed',
      resumed.length === 0
        ? 'never'
        : `${plural(resumed.length, 'time')}${mixed === 0 ? '' : `, of which ${mixed} on another engine, processor or Node`}`,
    ],
    ...(torn === 0 ? [] : ([['incomplete last line', plural(torn, 'byte')]] as const)),
    ['test evaluations', formatWhole(state.search.readings)],
    ['data', html`<code>${data.reference}</code>, SHA-256 <code class="hash">${data.hash}</code>`],
  ]);
}

export const factsSection = (run: RunDetails, prefix: string): Markup =>
  section(
    prefix,
    'facts',
    'From the journal',
    html`<h3>Certificates</h3>`,
    certificates(run),
    html`<h3>Exported files</h3>`,
    exportsOf(run),
    html`<h3>Failures</h3>`,
    failures(run),
    html`<h3>Engine, machine, interruptions</h3>`,
    journal(run),
  );

const setting = (value: unknown): string =>
  value === null
    ? 'none'
    : Array.isArray(value)
      ? value.join(', ')
      : typeof value === 'number' && value >= 10_000
        ? formatWhole(value)
        : typeof value === 'object'
          ? JSON.stringify(value)
          : String(value);

/** The networks whose minibatches memory does not hold whole, by their passes. */
function inPasses(config: RunDetails['config'], passes: ReadonlyMap<string, number>): (readonly [string, string])[] {
  const counts = [...new Set(passes.values())].toSorted((a, b) => a - b);
  return counts.map((count) => {
    const lines = [...passes].flatMap(([line, own]) => (own === count ? [shownName(config, line)] : []));
    return [describePasses(config.settings, count), lines.join(', ')];
  });
}

function limits({ config, state }: RunDetails): Markup {
  const { limits: set } = config.settings;
  const budget = state.budget ?? config.budget;
  return pairs([
    ['budget', budget === null ? 'none' : formatDuration(budget)],
    ['steps', setting(set.steps)],
    ['parameters', setting(set.parameters)],
    ['multiply-adds per image', setting(set.multiplyAdds)],
    ['bytes of int8 weights', setting(set.bytes)],
    ['bytes of working memory in int8', setting(set.activations)],
    ['latency of an image', set.latency === null ? 'none' : formatMilliseconds(set.latency)],
    ['channels of a widened convolution', setting(set.channels)],
    ['seconds of search', setting(set.seconds)],
    ['memory of a worker', set.memory === Number.MAX_SAFE_INTEGER ? 'none' : formatBytes(set.memory)],
    ...inPasses(config, state.passes),
  ]);
}

function differences({ config }: RunDetails): Markup {
  const preset = presetNames.find((name) => name === config.preset);
  if (preset === undefined) return html`<p>This version does not have the preset ${config.preset}.</p>`;
  const names = differingSettings(config.settings, preset);
  if (names.length === 0) return html`<p>All settings are those of the preset ${preset}.</p>`;
  const rows = names.map((name) => [
    html`<code>${name}</code>`,
    setting(valueOf(config.settings, name)),
    setting(valueOf(presets[preset], name)),
  ]);
  return scrollingTable('Settings', `Different from the preset ${preset}`, texts('setting', 'this run', preset), rows);
}

export function settingsSection(run: RunDetails, prefix: string): Markup {
  const { state, config } = run;
  const plan = state.plan === null ? null : describePlan(state.plan, state.budget ?? state.plan.searchUntil, config);
  return section(
    prefix,
    'settings',
    'Settings and limits',
    plan === null ? null : html`<p>${plan.replace(/^p/, 'P')}.</p>`,
    html`<div class="columns">
      <div>
        <h3>Limits</h3>
        ${limits(run)}
      </div>
      <div>
        <h3>Settings</h3>
        ${differences(run)}
      </div>
    </div>`,
  );
}
