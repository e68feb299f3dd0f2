/** The report of one run, or of several on one page. Pure. */
import { candidateOf, validationOf } from '../search/state.ts';
import { methods } from '../search/methods/table.ts';
import { formatDuration } from '../util/duration.ts';
import { formatPercent, formatWhole } from '../util/words.ts';
import { documentText } from './document.ts';
import { agreementsOf, formatCorrelation } from './figures/agreement.ts';
import { figuresOf, type Figures } from './figures.ts';
import { html, type Content, type Markup } from './markup.ts';
import type { Mistakes } from './mistakes.ts';
import { answersSection } from './sections/answers.ts';
import { architectureSection } from './sections/architecture.ts';
import { factsSection, settingsSection } from './sections/facts.ts';
import { familySection } from './sections/family.ts';
import { frontSection } from './sections/front.ts';
import { headSection } from './sections/head.ts';
import { figureHtml, folded, navigation, numbers, scrollingTable, section, texts } from './sections/parts.ts';
import { detailsOf, type RunDetails, type RunRead } from './run-details.ts';

/** A run and what was computed for its report. */
export interface ReportedRun {
  readonly read: RunRead;
  readonly mistakes: Mistakes;
}

const contents = [
  { name: 'family', title: 'The family tree' },
  { name: 'curves', title: 'Training curves' },
  { name: 'front', title: 'Accuracy and size' },
  { name: 'architecture', title: 'Architecture' },
  { name: 'answers', title: 'Predictions' },
  { name: 'settings', title: 'Settings and limits' },
  { name: 'facts', title: 'From the journal' },
] as const;

const correlationText = (value: number | null, children: number): string =>
  value !== null ? formatCorrelation(value) : children < 3 ? 'too few' : 'all tied';

function agreementTable(run: RunDetails): Markup | null {
  const rows = agreementsOf(run).flatMap(({ from, to, steps }) =>
    steps.map(({ step, before, kendall, spearman, pairs: { concordant, discordant, tied } }) => [
      `${from} → ${to}`,
      step,
      before.length,
      `${concordant} / ${discordant} / ${tied}`,
      correlationText(kendall, before.length),
      correlationText(spearman, before.length),
    ]),
  );
  if (rows.length === 0) return null;
  const columns = [...texts('from → to'), ...numbers('step', 'children', 'pairs', 'Kendall’s τ-b', 'Spearman’s ρ')];
  const caption = 'Children that trained to both points; pairs: concordant / discordant / tied';
  return folded('Rank correlations as a table', scrollingTable('Rank correlations', caption, columns, rows));
}

function curvesSection(run: RunDetails, figures: Figures, prefix: string): Markup {
  const { validation, size, agreement, final, learningRate } = figures;
  const small = [size, agreement, final, learningRate].filter((figure) => figure !== null);
  return section(
    prefix,
    'curves',
    'Training curves',
    validation === null ? html`<p>No validation accuracy has been measured yet.</p>` : figureHtml(prefix, validation),
    html`<div class="figures">${small.map((figure) => figureHtml(prefix, figure))}</div>`,
    agreementTable(run),
  );
}

function article(run: RunDetails, mistakes: Mistakes, prefix: string): Markup {
  const [head, settings, facts] = [headSection(run, prefix), settingsSection(run, prefix), factsSection(run, prefix)];
  // Before the start network is trained there is nothing to draw.
  if (run.grown === null) return html`<article>${head}${settings}${facts}</article>`;
  const figures = figuresOf(run);
  return html`<article>
    ${head}${navigation(prefix, contents)}${familySection(run, figures, prefix)}${curvesSection(run, figures, prefix)}${frontSection(run, figures, prefix)}${architectureSection(run, prefix)}${answersSection(run, figures, mistakes, prefix)}
    ${settings}${facts}
  </article>`;
}

function overview(runs: readonly RunDetails[]): Markup {
  const rows = runs.map(({ name, config, state, best, grown, winners, condition }, index): readonly Content[] => {
    const { search } = state;
    const id = best ?? grown;
    const percent = (value: number | undefined): string => (value === undefined ? '' : formatPercent(value));
    return [
      html`<a href="#r${index + 1}">${name}</a>`,
      config.data.name,
      methods[config.settings.method].label,
      config.settings.seed,
      condition,
      Math.max(0, winners.size - 1),
      grown === null ? '' : percent(validationOf(search, grown)?.accuracy),
      percent(search.tests.get('final')?.measured.accuracy),
      percent(search.tests.get('baseline')?.measured.accuracy),
      id === null ? '' : formatWhole(candidateOf(search, id).parameters),
      formatDuration(state.seconds),
    ];
  });
  const columns = [
    ...texts('run', 'data', 'method'),
    ...numbers('seed'),
    ...texts('state'),
    ...numbers('steps', 'validation', 'test', 'baseline', 'parameters', 'time'),
  ];
  return scrollingTable('Runs', 'One row per run. Single runs: their differences may be due to chance', columns, rows);
}

/** `written`: the date, for people. */
export function reportPage(runs: readonly ReportedRun[], written: string): string {
  const all = runs.map(({ read }) => detailsOf(read));
  const [only] = all;
  const isSingle = all.length === 1 && only !== undefined;
  const title = isSingle ? `How ${only.name} grew` : `${all.length} runs`;
  const articles = runs.map(({ mistakes }, index) => article(all[index] as RunDetails, mistakes, `r${index + 1}`));
  return documentText(title, [isSingle ? null : [html`<h1>${title}</h1>`, overview(all)], articles], written);
}
