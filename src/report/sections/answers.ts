/** The network's predictions: confusion matrix, accuracy by class, and the most confident mistakes. */
import { formatPercent, formatWhole, plural } from '../../util/words.ts';
import type { Figure } from '../figure.ts';
import type { Figures } from '../figures.ts';
import { classAccuracies } from '../figures/classes.ts';
import { html, type Content, type Markup } from '../markup.ts';
import { classMeasures, meanMeasures } from '../class-measures.ts';
import type { Mistakes } from '../mistakes.ts';
import { unreadWords } from '../result.ts';
import type { RunDetails } from '../run-details.ts';
import { judgementHtml } from './judgement.ts';
import { figureHtml, folded, numbers, scrolling, scrollingTable, section, texts } from './parts.ts';

/** With more classes the matrix is not shown. */
export const widestMatrix = 20;
const confusionsListed = 20;

/** The shade of a cell, 0 to 9. */
export const level = (count: number, total: number): number =>
  count === 0 || total === 0 ? 0 : Math.min(9, 1 + Math.floor((count / total) * 8.999));

function matrix(classes: readonly string[], confusion: readonly (readonly number[])[]): Markup {
  const rows = classAccuracies(classes, confusion).map(({ name, share, count }, label) => {
    const cells = (confusion[label] ?? []).map((often, predicted) => {
      const className = `h${level(often, count)}${label === predicted ? ' right' : ''}`;
      return html`<td class="${className}">${often === 0 ? html`<span class="quiet">·</span>` : often}</td>`;
    });
    return html`<tr>
      <th scope="row">${name}</th>
      ${cells}
      <td class="number">${share === null ? '–' : formatPercent(share)}</td>
    </tr>`;
  });
  return html`<table class="confusion">
    <caption>
      Rows: true class. Columns: predicted class. Test images
    </caption>
    <thead>
      <tr>
        <th scope="col">class</th>
        ${classes.map((name) => html`<th scope="col" class="upright"><span>${name}</span></th>`)}
        <th scope="col" class="number">correct</th>
      </tr>
    </thead>
    <tbody>
      ${rows}
    </tbody>
  </table>`;
}

/** The most frequent confusions of two classes. `confusion`: by label, then prediction. The share is of the images of the class. */
export function frequentConfusions(classes: readonly string[], confusion: readonly (readonly number[])[]) {
  const nameOf = (index: number): string => classes[index] ?? `class ${index}`;
  return confusion
    .flatMap((row, label) => {
      const total = row.reduce((sum, each) => sum + each, 0);
      return row.flatMap((count, predicted) =>
        label === predicted || count === 0
          ? []
          : [{ label: nameOf(label), predicted: nameOf(predicted), count, share: count / total }],
      );
    })
    .toSorted((a, b) => b.count - a.count || b.share - a.share)
    .slice(0, confusionsListed);
}

function classTable(classes: readonly string[], confusion: readonly (readonly number[])[]): Markup {
  const measures = classMeasures(confusion);
  const share = (value: number | null): string => (value === null ? '–' : formatPercent(value));
  const rows = classAccuracies(classes, confusion).map(({ name, count, interval: [low, high] }, index): readonly Content[] => {
    const { precision = null, recall = null, f1 = null, predicted = 0 } = measures[index] ?? {};
    const interval = count === 0 ? '' : `${(100 * low).toFixed(1)}–${(100 * high).toFixed(1)}`;
    return [name, formatWhole(count), share(recall), interval, share(precision), share(f1), formatWhole(predicted)];
  });
  const meanRow = (name: string, by: 'class' | 'image'): readonly Content[] => {
    const mean = meanMeasures(measures, by);
    return [name, '', share(mean?.recall ?? null), '', share(mean?.precision ?? null), share(mean?.f1 ?? null), ''];
  };
  const columns = [...texts('class'), ...numbers('images', 'recall', '95 % interval', 'precision', 'F1', 'predicted')];
  const caption =
    'By class, test images: recall is the share of its images that are right (Wilson interval), precision the share of what is classified so';
  return scrollingTable('Measures by class', caption, columns, [
    ...rows,
    meanRow('mean of the classes', 'class'),
    meanRow('mean by images', 'image'),
  ]);
}

function mistakesHtml(mistakes: Mistakes): Markup {
  if (mistakes.kind === 'absent') return html`<p>Misclassified images are not shown: ${mistakes.reason}.</p>`;
  const { images, all, wrong, network, shown, trainedOn } = mistakes;
  const which =
    images === all
      ? `the ${plural(images, 'validation image')}`
      : `${formatWhole(images)} of the ${plural(all, 'validation image')}, at regular intervals`;
  const note = trainedOn
    ? 'The final training used these images, so they show what could not be learned or is labelled wrongly, not the accuracy on new images.'
    : 'The network was not trained on these images, but selected by them.';
  const items = shown.map(
    ({ label, predicted, confidence, index, thumbnail: { data, width, height } }) =>
      html`<li>
        <img
          src="${data}"
          width="${width}"
          height="${height}"
          alt="Training image ${index}: ${label}, classified as ${predicted}"
        /><span><span class="quiet">${label}</span><br /><strong>${predicted}</strong> ${(100 * confidence).toFixed(0)} %</span>
      </li>`,
  );
  return html`<p>
      Of ${which}, ${network} misclassifies ${formatWhole(wrong)} (${formatPercent(images === 0 ? 0 : wrong / images)}).
      ${shown.length === 0 ? '' : `The ${formatWhole(shown.length)} most confident mistakes, each with its label and the prediction:`}
    </p>
    <p class="quiet">${note} No test image is in this list.</p>
    <ul class="mistakes">
      ${items}
    </ul>`;
}

function confusionTable(confusions: ReturnType<typeof frequentConfusions>): Markup {
  const rows = confusions.map(({ label, predicted, count, share }) => [label, predicted, count, formatPercent(share)]);
  const columns = [...texts('class', 'predicted'), ...numbers('images', 'of the class')];
  return scrollingTable('Most frequent confusions', 'The most frequent confusions', columns, rows);
}

/** What the test evaluation says of each class. */
export function testHtml({ config, state }: RunDetails, classesShown: Figure | null, prefix: string): Content {
  const { classes } = config.data;
  const test = state.search.tests.get('final');
  if (test === undefined) return html`<p>${unreadWords(state.search)} So there is no confusion matrix.</p>`;
  const { confusion, measured } = test;
  const images = confusion.flat().reduce((sum, each) => sum + each, 0);
  const frequent = frequentConfusions(classes, confusion);
  const [most] = frequent;
  const worst =
    most === undefined
      ? ''
      : ` The most frequent confusion: ${most.label} classified as ${most.predicted}, ${plural(most.count, 'time')}.`;
  const figure = classesShown === null ? null : figureHtml(prefix, classesShown);
  const isShown = classes.length <= widestMatrix;
  return [
    html`<p>${formatPercent(measured.accuracy)} of ${plural(images, 'test image')} are classified correctly.${worst}</p>`,
    isShown
      ? html`<div class="figures uneven">
          <div>${scrolling('Confusion matrix', matrix(classes, confusion))}</div>
          ${figure}
        </div>`
      : figure,
    html`<div class="folds">
      ${folded('Precision, recall and F1 by class', classTable(classes, confusion))}${folded('Most frequent confusions', confusionTable(frequent))}
    </div>`,
  ];
}

export const answersSection = (run: RunDetails, figures: Figures, mistakes: Mistakes, prefix: string): Markup =>
  section(
    prefix,
    'answers',
    'Predictions',
    testHtml(run, figures.classes, prefix),
    mistakes.kind === 'absent' ? null : judgementHtml(mistakes.judged, run.config.data.classes, mistakes.trainedOn, prefix),
    html`<h3>Most confident mistakes</h3>`,
    mistakesHtml(mistakes),
  );
