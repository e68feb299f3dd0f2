/** The report of a study as this page shows it: without its own title, and its runs led to their pages. It alters no words. */
import { addressOf } from '../route.ts';

/** `html`: as the report made it, every name in it escaped. `runs`: ids of the runs that have a page. */
export function articleOf(html: string, study: string, runs: ReadonlySet<string>): string {
  const { content } = Object.assign(document.createElement('template'), { innerHTML: html });
  // The page has them in its own head.
  for (const title of content.querySelectorAll('header.run > h1, header.run > p.condition')) title.remove();
  for (const code of content.querySelectorAll('#study-runs tbody td:last-child code')) {
    const run = `${study}/${code.textContent}`;
    const link = document.createElement('a');
    link.href = addressOf({ page: 'run', run });
    const before = code.closest('a');
    if (runs.has(run)) {
      (before ?? code).replaceWith(link);
      link.append(code);
    } else before?.replaceWith(code); // Its report is a file beside the study's, which is not served.
  }
  const holder = document.createElement('div');
  holder.append(content);
  return holder.innerHTML;
}
