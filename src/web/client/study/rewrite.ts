/** The report of a study for this page: without its title, and with links to the pages of its runs. */
import { addressOf } from '../route.ts';

/** `html`: from the report, in which all names are escaped. `runs`: the IDs of the runs that have a page. */
export function articleOf(html: string, study: string, runs: ReadonlySet<string>): string {
  const { content } = Object.assign(document.createElement('template'), { innerHTML: html });
  for (const title of content.querySelectorAll('header.run > h1, header.run > p.condition')) title.remove();
  for (const code of content.querySelectorAll('#study-runs tbody td:last-child code')) {
    const run = `${study}/${code.textContent}`;
    const link = document.createElement('a');
    link.href = addressOf({ page: 'run', run });
    const before = code.closest('a');
    if (runs.has(run)) {
      (before ?? code).replaceWith(link);
      link.append(code);
    } else before?.replaceWith(code); // The report links to a file that is not served.
  }
  const holder = document.createElement('div');
  holder.append(content);
  return holder.innerHTML;
}
