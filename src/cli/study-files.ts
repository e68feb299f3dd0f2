/** The files of a study: tables, figures and its report, from its runs so far. */
import { join } from 'node:path';
import { makeFolder } from '../util/files.ts';
import { hasOwnFolder } from '../util/run-files.ts';
import { studyIn } from '../report/collect-study.ts';
import { writeStudyFigures } from '../report/make.ts';
import { studyPage } from '../report/study-page.ts';
import type { Collected } from '../study/collect.ts';
import { conclusionsOf } from '../study/conclusions.ts';
import { configurationsOf } from '../study/configurations.ts';
import { tablesOf } from '../study/tables.ts';
import { escapeMarkdown, markdownTable, tableFiles } from '../study/writers.ts';
import { writeState } from '../training/checkpoint.ts';
import { writtenAt, type Io } from './io.ts';

/** `tables.md` to read; `tables/` has each table as Markdown, LaTeX and CSV. */
export async function writeTables({ result }: Collected, root: string): Promise<void> {
  const tables = tablesOf(result);
  const folder = join(root, 'tables');
  makeFolder(folder);
  hasOwnFolder(folder);
  for (const { name, text } of tables.flatMap(tableFiles)) await writeState(join(folder, name), text);
  const said = conclusionsOf(result).map(({ text }) => `- ${escapeMarkdown(text)}`);
  const parts = [
    `# ${escapeMarkdown(result.title)}`,
    escapeMarkdown(result.scale),
    said.join('\n'),
    ...tables.map(markdownTable),
  ];
  await writeState(join(root, 'tables.md'), `${parts.map((part) => part.trim()).join('\n\n')}\n`);
}

/** All of it, and `configurations.yaml`; gives what it was made from. */
export async function writeStudyResults(root: string, io: Io): Promise<Collected> {
  const { shown, collected } = studyIn(root);
  await writeTables(collected, root);
  hasOwnFolder(join(root, 'figures'));
  await writeStudyFigures(shown, join(root, 'figures'));
  await writeState(join(root, 'report.html'), studyPage(shown, writtenAt(io)));
  await writeState(
    join(root, 'configurations.yaml'),
    configurationsOf([...(collected.vanilla === null ? [] : [collected.vanilla]), ...collected.runs]),
  );
  return collected;
}
