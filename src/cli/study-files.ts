/** What a study writes into its folder: its tables, as far as its runs have come. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Collected } from '../study/collect.ts';
import { conclusionsOf } from '../study/conclusions.ts';
import { escapeMarkdown, markdownTable } from '../study/markdown.ts';
import { tableFiles, tablesOf } from '../study/tables.ts';
import { writeState } from '../training/checkpoint.ts';

/** `tables.md` to read; `tables/` has each table as Markdown, LaTeX and CSV. */
export async function writeTables({ result }: Collected, root: string): Promise<void> {
  const tables = tablesOf(result);
  const folder = join(root, 'tables');
  mkdirSync(folder, { recursive: true });
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
