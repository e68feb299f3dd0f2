/** The report of one run, or of several one after another. Pure. */
import { candidateOf, validationOf } from '../search/state.ts';
import { formatDuration } from '../util/duration.ts';
import { formatPercent, formatWhole } from '../util/words.ts';
import { documentText } from './document.ts';
import { figuresOf } from './figures.ts';
import { html, type Content, type Markup } from './markup.ts';
import type { Mistakes } from './mistakes.ts';
import { answersSection } from './sections/answers.ts';
import { architectureSection } from './sections/architecture.ts';
import { curvesSection } from './sections/curves.ts';
import { factsSection } from './sections/facts.ts';
import { familySection } from './sections/family.ts';
import { headSection } from './sections/head.ts';
import { settingsSection } from './sections/settings.ts';
import { anchorOf, scrolling, table, type Place } from './sections/parts.ts';
import { methodLabel, subjectOf, type RunRead, type Subject } from './subject.ts';

/** A run and what was computed for its report. */
export interface ReportedRun {
  readonly read: RunRead;
  readonly mistakes: Mistakes;
}

const contents = [
  ['family', 'The family tree'],
  ['curves', 'The curves'],
  ['architecture', 'The architecture'],
  ['answers', 'Right and wrong'],
  ['settings', 'Settings and limits'],
  ['facts', 'Kept in the journal'],
] as const;

const navigation = (place: Place): Markup =>
  html`<nav aria-label="Contents">
    <ul>
      ${contents.map(([name, title]) => html`<li><a href="#${anchorOf(place, name)}">${title}</a></li>`)}
    </ul>
  </nav>`;

function article(subject: Subject, mistakes: Mistakes, place: Place): Markup {
  const head = headSection(subject, place);
  // Before the vanilla network there is nothing to draw.
  if (subject.grown === null)
    return html`<article>${head}${settingsSection(subject, place)} ${factsSection(subject, place)}</article>`;
  const figures = figuresOf(subject);
  return html`<article>
    ${head}${navigation(place)}${familySection(subject, figures, place)}${curvesSection(subject, figures, place)}${architectureSection(subject, place)}${answersSection(subject, figures, mistakes, place)}
    ${settingsSection(subject, place)}${factsSection(subject, place)}
  </article>`;
}

/** Several runs side by side. */
function overview(subjects: readonly Subject[]): Markup {
  const rows = subjects.map((subject, index): readonly Content[] => {
    const { name, config, state, best, grown, winners, condition } = subject;
    const { search } = state;
    const id = best ?? grown;
    const percent = (value: number | undefined): string => (value === undefined ? '' : formatPercent(value));
    return [
      html`<a href="#r${index + 1}">${name}</a>`,
      config.data.name,
      methodLabel(config.settings.method),
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
  const numeric = true;
  return scrolling(
    'Runs',
    table(
      'One run a row: these are single runs, and no more is said of their differences than stands here',
      [
        { title: 'run' },
        { title: 'data' },
        { title: 'method' },
        { title: 'seed', numeric },
        { title: 'state' },
        { title: 'steps', numeric },
        { title: 'validation', numeric },
        { title: 'test', numeric },
        { title: 'baseline', numeric },
        { title: 'parameters', numeric },
        { title: 'time', numeric },
      ],
      rows,
    ),
  );
}

/** `written`: when, for people. */
export function reportPage(runs: readonly ReportedRun[], written: string): string {
  const subjects = runs.map(({ read }) => subjectOf(read));
  const [only] = subjects;
  const single = subjects.length === 1 && only !== undefined;
  const title = single ? `How ${only.name} grew` : `${subjects.length} runs`;
  const articles = runs.map(({ mistakes }, index) => article(subjects[index] as Subject, mistakes, { key: `r${index + 1}` }));
  const head = single
    ? null
    : html`<h1>${title}</h1>
        ${overview(subjects)}`;
  return documentText(title, [head, articles], written);
}
