/** The front of a run: a chart, and a table of its networks. */
import { frontRows } from '../../run/display/front-rows.ts';
import { shownName } from '../../run/display/names.ts';
import { hypervolume } from '../../search/front.ts';
import { formatBytes, formatPercent, formatWhole } from '../../util/words.ts';
import type { Figures } from '../figures.ts';
import { html, type Content, type Markup } from '../markup.ts';
import type { RunDetails } from '../run-details.ts';
import { figureHtml, numbers, scrollingTable, section, texts } from './parts.ts';

export function frontSection(run: RunDetails, { front }: Figures, prefix: string): Markup {
  const rows = frontRows(run.state.search);
  const title = 'Accuracy and size';
  if (rows.length === 0) return section(prefix, 'front', title, html`<p>No network has been validated yet.</p>`);
  const cells = rows.map(({ candidate, accuracy, part, parameters, multiplyAdds, bytes, activations }): readonly Content[] => [
    shownName(run.config, candidate),
    `${formatPercent(accuracy)} ${part}`,
    formatWhole(parameters),
    formatWhole(multiplyAdds),
    formatBytes(bytes),
    formatBytes(activations),
  ]);
  const columns = [...texts('network'), ...numbers('accuracy', 'parameters', 'multiply-adds', 'int8 weights', 'working memory')];
  const caption = `Networks that no other of the run beats in accuracy, parameters and multiply-adds; hypervolume ${hypervolume(rows).toFixed(3)}`;
  return section(
    prefix,
    'front',
    title,
    front === null ? null : html`<div class="figures">${figureHtml(prefix, front)}</div>`,
    scrollingTable('Networks on the front', caption, columns, cells),
  );
}
