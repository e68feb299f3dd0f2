/** The report of a study: what it shows first, then its tables, its figures, its runs and its settings, in one file. Pure. */
import type { Table } from '../study/table.ts';
import { tablesOf } from '../study/tables.ts';
import { formatWhole } from '../util/words.ts';
import { documentText } from './document.ts';
import { html, type Content, type Markup } from './markup.ts';
import { anchorOf, figureHtml, folded, section, type Place } from './sections/parts.ts';
import { studyFigures, type StudyFigures } from './study-figures.ts';
import { conclusionsHtml } from './study/conclusions-html.ts';
import { runsHtml } from './study/runs-html.ts';
import type { ShownStudy } from './study/study.ts';
import { tableHtml } from './study/table-html.ts';

const place: Place = { key: 'study' };

interface Part {
  readonly name: string;
  readonly title: string;
  readonly contents: readonly Content[];
}

const tableBlock = (table: Table): Markup =>
  html`<h3 id="${anchorOf(place, `table-of-${table.name}`)}">${table.title}</h3>
    ${tableHtml(table)}`;

/** Where each table stands; the others are unfolded by whoever wants them. */
const sections = {
  accuracy: ['table-1', 'table-2'],
  differences: ['differences-accuracy', 'differences-parameters', 'differences-spread'],
  networks: ['table-3', 'networks'],
} as const;

function partsOf(
  study: ShownStudy,
  { accuracies, size, learningRate, steps, validations, agreements }: StudyFigures,
): readonly Part[] {
  const { result, file, command } = study;
  const tables = tablesOf(result);
  const chosen = (names: readonly string[]): readonly Table[] => tables.filter(({ name }) => names.includes(name));
  const shown = (names: readonly string[]): readonly Markup[] => chosen(names).map(tableBlock);
  const [means, ...others] = chosen(sections.differences);
  const small = [...agreements, ...(learningRate === null ? [] : [learningRate])];
  const figure = (each: Parameters<typeof figureHtml>[1] | null): Content => (each === null ? null : figureHtml(place, each));
  return [
    { name: 'shows', title: 'What it shows', contents: [conclusionsHtml(result)] },
    { name: 'accuracy', title: 'Accuracy', contents: [figure(accuracies), shown(sections.accuracy)] },
    {
      name: 'differences',
      title: 'Differences',
      contents:
        means === undefined
          ? []
          : [tableBlock(means), others.map((table) => folded(html`<strong>${table.title}</strong>`, tableHtml(table)))],
    },
    { name: 'networks', title: 'The networks', contents: [shown(sections.networks), figure(size)] },
    {
      name: 'searches',
      title: 'The searches',
      contents: [
        validations.map((each) => figureHtml(place, each)),
        steps.length === 0 ? null : html`<div class="figures">${steps.map((each) => figureHtml(place, each))}</div>`,
        agreements.length === 0
          ? null
          : html`<h3>What an early order is worth</h3>
              <p>
                The paper says in §5 that early rungs mislead. Whether children stood in the same order later, measured by
                Kendall’s τ-b: 1 the same order, 0 no relation, −1 the opposite. After a rung only its survivors can be compared,
                which were the closest to each other, so that these numbers are lower than they would be over all children; under
                hill climbing all children are trained to the end, and none is left out.
              </p>`,
        small.length === 0 ? null : html`<div class="figures">${small.map((each) => figureHtml(place, each))}</div>`,
      ],
    },
    { name: 'runs', title: 'The runs', contents: [runsHtml(study)] },
    {
      name: 'settings',
      title: 'The study’s file',
      contents: [
        html`<p class="again">To make it again:</p>
          <pre><code>${command.split(' ').map((word) => html`<span>${word}</span> `)}</code></pre>
          <p>with this file:</p>
          <pre class="file"><code>${file}</code></pre>`,
      ],
    },
  ];
}

const isEmpty = (content: Content): boolean =>
  content === null || (Array.isArray(content) && (content as readonly Content[]).every(isEmpty));

function condition({ result: { arms, repetitions } }: ShownStudy): Markup {
  const ended = arms.reduce((sum, { outcomes }) => sum + outcomes.length, 0);
  const planned = arms.length * repetitions;
  return ended >= planned
    ? html`<p class="condition">All ${formatWhole(planned)} runs have ended.</p>`
    : html`<p class="condition open">
        ${formatWhole(ended)} of ${formatWhole(planned)} runs have ended: this is what there was when the report was written.
      </p>`;
}

/** What the page shows. */
export function studyArticle(study: ShownStudy): Markup {
  const { title, scale } = study.result;
  const parts = partsOf(study, studyFigures(study)).filter(({ contents }) => !contents.every(isEmpty));
  const head = html`<header class="run" id="${place.key}">
    <h1>${title}</h1>
    <p class="what">${scale}</p>
    ${condition(study)}
    <nav aria-label="Contents">
      <ul>
        ${parts.map((part) => html`<li><a href="#${anchorOf(place, part.name)}">${part.title}</a></li>`)}
      </ul>
    </nav>
  </header>`;
  const body = parts.map((part) => section(place, part.name, part.title, ...part.contents));
  return html`<article class="study">${head}${body}</article>`;
}

/** `written`: when, for people. */
export const studyPage = (study: ShownStudy, written: string): string =>
  documentText(study.result.title, studyArticle(study), written);
