/** The conclusions of a study as lists, by kind. */
import { conclusionsOf, type Conclusion } from '../../study/conclusions.ts';
import type { StudyResult } from '../../study/result.ts';
import { html, type Markup } from '../markup.ts';

/** In this order. */
const titles: { readonly [K in Conclusion['kind']]: string } = {
  shown: 'Shown by a test',
  'not-shown': 'Not shown by a test',
  'too-few': 'Too few repetitions',
  note: 'Notes',
};

const kinds = Object.keys(titles) as readonly Conclusion['kind'][];

export function conclusionsHtml(result: StudyResult): Markup {
  const all = conclusionsOf(result);
  const groups = kinds.flatMap((kind) => {
    const own = all.filter((each) => each.kind === kind);
    return own.length === 0 ? [] : [{ kind, own }];
  });
  return html`${groups.map(
    ({ kind, own }) =>
      html`<div class="conclusions ${kind}">
        <h3>${titles[kind]}</h3>
        <ul>
          ${own.map(({ text }) => html`<li>${text}</li>`)}
        </ul>
      </div>`,
  )}`;
}
