/** The head of a run's report: the data, the method, the result, and the command that repeats it. */
import { changedWord, startPhrase } from '../../run/display/names.ts';
import { splitCounts } from '../../data/split-counts.ts';
import { nextSteps, usedData } from '../../run/display/advice.ts';
import { describeClasses } from '../../run/display/classes.ts';
import { describeFit, describeFrom, stopWords } from '../../run/display/wording.ts';
import { methods, type MethodName } from '../../search/methods/table.ts';
import { formatWhole, plural } from '../../util/words.ts';
import { html, type Markup } from '../markup.ts';
import { conditionSentence, resultOf } from '../result.ts';
import type { RunDetails } from '../run-details.ts';
import { commandHtml } from './parts.ts';
import { tiles } from './tiles.ts';

const methodWords = (name: MethodName): string => {
  const { selection, continuous, learningRate, operators } = methods[name];
  return [
    selection,
    continuous ? 'one learning-rate schedule over the search' : `the learning rate restarts at each ${learningRate.restart}`,
    ...('insert-separable' in operators ? ['with separable convolutions'] : []),
  ].join(', ');
};

const shape = ({ channels, height, width }: RunDetails['config']['data']['shape']): string =>
  `${height}×${width} pixels, ${channels === 1 ? 'grey' : channels === 3 ? 'in colour' : plural(channels, 'channel')}`;

export function headSection(run: RunDetails, prefix: string): Markup {
  const { name, config, state, settings, condition, command } = run;
  const { data } = config;
  const [first, ...others] = resultOf(run);
  const { train, validation } = splitCounts(data, settings);
  const what = html`A network for <strong>${data.name}</strong> (${plural(data.classes.length, 'class', 'classes')},
    ${shape(data.shape)}${describeFit(config)}),
    ${!methods[settings.method].grows || settings.limits.steps === 0 ? html`the <strong>${startPhrase(config, state.search)}</strong>, not ${changedWord(settings)}` : html`${changedWord(settings)} by <strong>${methods[settings.method].label}</strong> (${methodWords(settings.method)})`},
    preset ${config.preset}, seed ${settings.seed}. Of ${plural(data.trainImages, 'training image')} ${formatWhole(train)} are for
    training and ${formatWhole(validation)} are for validation; ${plural(data.testImages, 'test image')}.
    ${describeFrom(config).map((line) => ` Started ${line}.`)}`;
  const stop =
    state.search.stop === null
      ? null
      : html` The search stopped: ${stopWords[state.search.stop.reason] ?? state.search.stop.reason}.`;
  const again =
    config.budget === null
      ? 'The same processor, engine and Node give the same network, bit for bit.'
      : 'With a budget the plan depends on the measured speed, so the result will differ.';
  const advised = { run: state, config, root: name };
  const steps = nextSteps(advised);
  const tested = state.search.tests.get('final');
  const aboutClasses = tested === undefined ? [] : describeClasses(tested.confusion, data.classes);
  return html`<header class="run" id="${prefix}">
    <h1>How ${name} grew</h1>
    <p class="what">${what}</p>
    ${tiles(run, state.seconds, null)}
    <p class="result">${first}</p>
    <p>${others.join(' ')}</p>
    <p class="condition ${condition === 'finished' ? '' : 'open'}">${conditionSentence(run)}${stop}</p>
    ${aboutClasses.length === 0 ? null : html`<p>Of the test images: ${aboutClasses.join('; ')}.</p>`}
    <p>Data used: ${usedData(advised)}.</p>
    ${
      steps.length === 0
        ? null
        : html`<p>What would help most:</p>
            <ul>
              ${steps.map((step) => html`<li>${step}</li>`)}
            </ul>`
    }
    <p class="again">To run it again:</p>
    ${commandHtml(command)}
    <p class="quiet">${again}</p>
  </header>`;
}
