/** The report of a study on one page: conclusions, tables, figures, runs and settings. Pure. */
import { conclusionsOf, type Conclusion } from '../study/conclusions.ts';
import type { StudyResult } from '../study/result.ts';
import type { Table } from '../study/table.ts';
import { tablesOf } from '../study/tables.ts';
import { formatWhole } from '../util/words.ts';
import { documentText } from './document.ts';
import type { Figure } from './figure.ts';
import { html, type Content, type Markup } from './markup.ts';
import { anchorOf, commandHtml, figureHtml, folded, navigation, section } from './sections/parts.ts';
import { studyFigures } from './study-figures.ts';
import { runsHtml } from './study/runs-html.ts';
import type { StudyDetails } from './study/study.ts';
import { tableHtml } from './study/table-html.ts';

const prefix = 'study';

interface Part {
  readonly name: string;
  readonly title: string;
  readonly contents: readonly Content[];
}

/** In this order. */
const titles: { readonly [K in Conclusion['kind']]: string } = {
  shown: 'Shown by a test',
  'not-shown': 'Not shown by a test',
  'too-few': 'Too few repetitions',
  note: 'Notes',
};

function conclusionsHtml(result: StudyResult): Markup {
  const all = conclusionsOf(result);
  return html`${Object.entries(titles).map(([kind, title]) => {
    const own = all.filter((each) => each.kind === kind);
    return own.length === 0
      ? null
      : html`<div class="conclusions ${kind}">
          <h3>${title}</h3>
          <ul>
            ${own.map(({ text }) => html`<li>${text}</li>`)}
          </ul>
        </div>`;
  })}`;
}

const tableBlock = (table: Table): Markup =>
  html`<h3 id="${anchorOf(prefix, `table-of-${table.name}`)}">${table.title}</h3>
    ${tableHtml(table)}`;

const sections = {
  accuracy: ['table-1', 'table-2'],
  differences: ['differences-accuracy', 'differences-parameters', 'differences-spread'],
  networks: ['table-3', 'networks'],
} as const;

function partsOf(study: StudyDetails): readonly Part[] {
  const { accuracies, size, learningRate, steps, validations, agreements } = studyFigures(study);
  const { result, file, command } = study;
  const tables = tablesOf(result);
  const chosen = (names: readonly string[]): readonly Table[] => tables.filter(({ name }) => names.includes(name));
  const shown = (names: readonly string[]): readonly Markup[] => chosen(names).map(tableBlock);
  const [means, ...others] = chosen(sections.differences);
  const small = [...agreements, ...(learningRate === null ? [] : [learningRate])];
  const figures = (all: readonly (Figure | null)[]): readonly Content[] =>
    all.map((each) => (each === null ? null : figureHtml(prefix, each)));
  const side = (all: readonly Figure[]): Content => (all.length === 0 ? null : html`<div class="figures">${figures(all)}</div>`);
  return [
    { name: 'shows', title: 'Conclusions', contents: [conclusionsHtml(result)] },
    { name: 'accuracy', title: 'Accuracy', contents: [figures([accuracies]), shown(sections.accuracy)] },
    {
      name: 'differences',
      title: 'Differences',
      contents:
        means === undefined
          ? []
          : [tableBlock(means), others.map((table) => folded(html`<strong>${table.title}</strong>`, tableHtml(table)))],
    },
    { name: 'networks', title: 'Networks', contents: [shown(sections.networks), figures([size])] },
    {
      name: 'searches',
      title: 'Searches',
      contents: [
        figures(validations),
        side(steps),
        agreements.length === 0
          ? null
          : html`<h3>Early rungs and the final order</h3>
              <p>
                The paper says in §5 that early rungs mislead. Kendall’s τ-b compares the order of children at two points of a
                step: 1 is the same order, 0 no relation, −1 the opposite order. After a rung only the children that went on can
                be compared. They were close to each other, so the correlations are lower than they would be over all children; in
                a step with one rung all children are compared.
              </p>`,
        side(small),
      ],
    },
    { name: 'runs', title: 'Runs', contents: [runsHtml(study)] },
    {
      name: 'settings',
      title: 'Study file',
      contents: [
        html`<p class="again">To run it again:</p>
          ${commandHtml(command)}
          <p>with this file:</p>
          <pre class="file"><code>${file}</code></pre>`,
      ],
    },
  ];
}

const isEmpty = (content: Content): boolean =>
  content === null || (Array.isArray(content) && (content as readonly Content[]).every(isEmpty));

function condition({ result: { arms, repetitions } }: StudyDetails): Markup {
  const ended = arms.reduce((sum, { outcomes }) => sum + outcomes.length, 0);
  const planned = arms.length * repetitions;
  return ended >= planned
    ? html`<p class="condition">All ${formatWhole(planned)} runs have finished.</p>`
    : html`<p class="condition open">
        ${formatWhole(ended)} of ${formatWhole(planned)} runs have finished: this is the state when the report was written.
      </p>`;
}

export function studyArticle(study: StudyDetails): Markup {
  const { title, scale } = study.result;
  const parts = partsOf(study).filter(({ contents }) => !contents.every(isEmpty));
  const head = html`<header class="run" id="${prefix}">
    <h1>${title}</h1>
    <p class="what">${scale}</p>
    ${condition(study)} ${navigation(prefix, parts)}
  </header>`;
  const body = parts.map((part) => section(prefix, part.name, part.title, ...part.contents));
  return html`<article class="study">${head}${body}</article>`;
}

/** `written`: the date, for people. */
export const studyPage = (study: StudyDetails, written: string): string =>
  documentText(study.result.title, studyArticle(study), written);
