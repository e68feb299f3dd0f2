/** The head of a run's report: what was grown, on what, what came of it, and how to do it again. */
import { splitCounts } from '../../data/split-counts.ts';
import { describeFrom, stopWords } from '../../run/display/wording.ts';
import { methods, type MethodName } from '../../search/methods/table.ts';
import { candidateOf, networkOf, startWords } from '../../search/state.ts';
import { compositionOf } from '../../study/composition.ts';
import { formatDuration } from '../../util/duration.ts';
import { formatCount, formatPercent, formatWhole, plural } from '../../util/words.ts';
import { html, type Content, type Markup } from '../markup.ts';
import { conditionSentence, resultOf } from '../result.ts';
import { methodLabel, type Subject } from '../subject.ts';
import { pairs, type Place } from './parts.ts';

/** `3.4`, `120`. */
const formatFactor = (factor: number): string => (factor < 100 ? factor.toFixed(1) : formatWhole(Math.round(factor)));

const methodWords = (name: MethodName): string => {
  const { selection, learningRate, operators } = methods[name];
  return [
    selection,
    `the learning rate restarts at each ${learningRate.restart}`,
    ...('insert-separable' in operators ? ['with separable convolutions'] : []),
  ].join(', ');
};

const shape = ({ channels, height, width }: Subject['config']['data']['shape']): string =>
  `${height}×${width} pixels, ${channels === 1 ? 'grey' : channels === 3 ? 'in colour' : plural(channels, 'channel')}`;

function keyNumbers(subject: Subject): Markup {
  const { state, best, grown, winners } = subject;
  const { search } = state;
  const rows: [Content, Content][] = [];
  const test = search.tests.get('final')?.measured;
  const baseline = search.tests.get('baseline')?.measured;
  if (test !== undefined) rows.push(['test accuracy', html`<strong>${formatPercent(test.accuracy)}</strong>`]);
  if (baseline !== undefined) rows.push(['baseline', formatPercent(baseline.accuracy)]);
  const id = best ?? grown;
  if (id !== null) {
    const { parameters, multiplyAdds } = candidateOf(search, id);
    const network = networkOf(search, id);
    const vanilla = candidateOf(search, 'vanilla');
    const times = (own: number, before: number): string =>
      own === before ? '' : `${formatFactor(own / before)} × ${vanilla.origin === null ? 'vanilla' : 'given'}`;
    const note = (text: string): Markup | null => (text === '' ? null : html` <small>${text}</small>`);
    rows.push(['parameters', html`${formatWhole(parameters)}${note(times(parameters, vanilla.parameters))}`]);
    rows.push(['multiply-adds an image', html`${formatCount(multiplyAdds)}${note(times(multiplyAdds, vanilla.multiplyAdds))}`]);
    rows.push(['layers', formatWhole(compositionOf(network).layers)]);
  }
  rows.push(['steps', formatWhole(Math.max(0, winners.size - 1))]);
  rows.push(['time', formatDuration(state.seconds)]);
  return html`<div class="key">${pairs(rows)}</div>`;
}

export function headSection(subject: Subject, place: Place): Markup {
  const { name, config, state, settings, condition, command } = subject;
  const { data } = config;
  const [first, ...others] = resultOf(subject);
  const { train, validation } = splitCounts(data.trainImages, settings);
  const what = html`A network for <strong>${data.name}</strong> (${plural(data.classes.length, 'class', 'classes')},
    ${shape(data.shape)}),
    ${!methods[settings.method].grows || settings.limits.steps === 0 ? html`the <strong>${startWords(state.search)}</strong>, not grown` : html`grown by <strong>${methodLabel(settings.method)}</strong> (${methodWords(settings.method)})`},
    preset ${config.preset}, seed ${settings.seed}. Of ${plural(data.trainImages, 'training image')} ${formatWhole(train)} train
    and ${formatWhole(validation)} validate; ${plural(data.testImages, 'test image')}.
    ${describeFrom(config).map((line) => ` Begun ${line}.`)}`;
  const stop =
    state.search.stop === null
      ? null
      : html` The search ended: ${stopWords[state.search.stop.reason] ?? state.search.stop.reason}.`;
  const again =
    config.budget === null
      ? 'On the same processor, engine and Node it gives the same network, bit for bit.'
      : 'With a budget the plan follows from the speed that is measured, so it will differ a little.';
  return html`<header class="run" id="${place.key}">
    <h1>How ${name} grew</h1>
    <p class="what">${what}</p>
    <p class="result">${first}</p>
    <p>${others.join(' ')}</p>
    <p class="condition ${condition === 'finished' ? '' : 'open'}">${conditionSentence(subject)}${stop}</p>
    ${keyNumbers(subject)}
    <p class="again">To run it again:</p>
    <pre><code>${command.split(' ').map((word) => html`<span>${word}</span> `)}</code></pre>
    <p class="quiet">${again}</p>
  </header>`;
}
