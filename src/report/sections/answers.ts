/** Where the network is right and wrong: the confusion matrix, classes, and the images that it is most surely wrong on. */
import { formatPercent, formatWhole, plural } from '../../util/words.ts';
import type { Figures } from '../figures.ts';
import { classAccuracies } from '../figures/classes.ts';
import { html, type Content, type Markup } from '../markup.ts';
import type { Mistakes } from '../mistakes.ts';
import { unreadWords } from '../result.ts';
import type { Subject } from '../subject.ts';
import { figureHtml, folded, scrolling, section, table, type Place } from './parts.ts';

/** More classes than this are not shown as a matrix. */
export const widestMatrix = 20;
const confusionsListed = 20;

/** 0 to 9: how dark a cell is. */
export const level = (count: number, total: number): number =>
  count === 0 || total === 0 ? 0 : Math.min(9, 1 + Math.floor((count / total) * 8.999));

function matrix(classes: readonly string[], confusion: readonly (readonly number[])[]): Markup {
  const rows = classAccuracies(classes, confusion).map(({ name, share, count }, label) => {
    const cells = (confusion[label] ?? []).map((often, seen) => {
      const className = `h${level(often, count)}${label === seen ? ' right' : ''}`;
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
      A row a class; columns: what the network saw. Test images
    </caption>
    <thead>
      <tr>
        <th scope="col">class</th>
        ${classes.map((name) => html`<th scope="col" class="upright"><span>${name}</span></th>`)}
        <th scope="col" class="number">right</th>
      </tr>
    </thead>
    <tbody>
      ${rows}
    </tbody>
  </table>`;
}

export interface Confusion {
  readonly label: string;
  readonly seen: string;
  readonly count: number;
  readonly share: number;
}

export function frequentConfusions(classes: readonly string[], confusion: readonly (readonly number[])[]): readonly Confusion[] {
  return confusion
    .flatMap((row, label) => {
      const total = row.reduce((sum, each) => sum + each, 0);
      return row.flatMap((count, seen): Confusion[] =>
        label === seen || count === 0
          ? []
          : [{ label: classes[label] ?? `class ${label}`, seen: classes[seen] ?? `class ${seen}`, count, share: count / total }],
      );
    })
    .toSorted((a, b) => b.count - a.count || b.share - a.share)
    .slice(0, confusionsListed);
}

function classTable(classes: readonly string[], confusion: readonly (readonly number[])[]): Markup {
  const rows = classAccuracies(classes, confusion).map(
    ({ name, share, right, count, interval: [low, high] }): readonly Content[] => [
      name,
      share === null ? '–' : formatPercent(share),
      share === null ? '' : `${(100 * low).toFixed(1)}–${(100 * high).toFixed(1)}`,
      `${right} / ${count}`,
    ],
  );
  return table(
    'Right, by class',
    [
      { title: 'class' },
      { title: 'right', numeric: true },
      { title: '95 % interval', numeric: true },
      { title: 'images', numeric: true },
    ],
    rows,
  );
}

function mistakesHtml(mistakes: Mistakes): Markup {
  if (mistakes.kind === 'absent') return html`<p>Wrongly classified images are not shown: ${mistakes.reason}.</p>`;
  const { images, all, wrong, line, shown, trainedOn } = mistakes;
  const which =
    images === all
      ? `the ${plural(images, 'validation image')}`
      : `${formatWhole(images)} of the ${plural(all, 'validation image')}, evenly taken`;
  const note = trainedOn
    ? 'The final training trained on these images too, so they say what could not be learned, or is labelled wrongly; not how right the network is on new ones.'
    : 'The network was not trained on these images, but chosen by them.';
  const items = shown.map(
    ({ label, seen, confidence, index, picture }) =>
      html`<li>
        <img
          src="${picture.data}"
          width="${picture.width}"
          height="${picture.height}"
          alt="Training image ${index}: ${label}, taken for ${seen}"
        /><span><span class="quiet">${label}</span><br /><strong>${seen}</strong> ${(100 * confidence).toFixed(0)} %</span>
      </li>`,
  );
  return html`<p>
      Of ${which} the network (${line}) gets ${formatWhole(wrong)} wrong (${formatPercent(images === 0 ? 0 : wrong / images)}).
      ${shown.length === 0 ? '' : `These are the ${formatWhole(shown.length)} on which it is surest: what they are, and below it what the network sees.`}
      ${note} The test set is not read for this.
    </p>
    <ul class="mistakes">
      ${items}
    </ul>`;
}

export function answersSection(subject: Subject, figures: Figures, mistakes: Mistakes, place: Place): Markup {
  const { classes } = subject.config.data;
  const test = subject.state.search.tests.get('final');
  const parts: Content[] = [];
  if (test === undefined) parts.push(html`<p>${unreadWords(subject.state.search)} So there is no confusion matrix.</p>`);
  else {
    const { confusion, measured } = test;
    const total = confusion.flat().reduce((sum, each) => sum + each, 0);
    const frequent = frequentConfusions(classes, confusion);
    const [most] = frequent;
    const worst =
      most === undefined
        ? ''
        : ` The most frequent mistake: ${most.label} taken for ${most.seen}, ${plural(most.count, 'time')}.`;
    parts.push(html`<p>${formatPercent(measured.accuracy)} of ${plural(total, 'test image')} are right.${worst}</p>`);
    const picture = figures.classes === null ? null : figureHtml(place, figures.classes);
    if (classes.length <= widestMatrix)
      parts.push(
        html`<div class="figures uneven">
          <div>${scrolling('Confusion matrix', matrix(classes, confusion))}</div>
          ${picture}
        </div>`,
      );
    else parts.push(picture);
    parts.push(
      html`<div class="folds">
        ${folded('Right, by class, as a table', scrolling('Right, by class', classTable(classes, confusion)))}${folded(
          'The most frequent mistakes',
          scrolling(
            'The most frequent mistakes',
            table(
              'What was taken for what',
              [
                { title: 'class' },
                { title: 'seen as' },
                { title: 'images', numeric: true },
                { title: 'of the class', numeric: true },
              ],
              frequent.map(({ label, seen, count, share }) => [label, seen, count, formatPercent(share)]),
            ),
          ),
        )}
      </div>`,
    );
  }
  return section(place, 'answers', 'Right and wrong', parts, html`<h3>Most surely wrong</h3>`, mistakesHtml(mistakes));
}
