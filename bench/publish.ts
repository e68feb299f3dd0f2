/**
 * Copies a study to results/: the journal and the configuration of each finished run, without paths of the machine, and when all runs
 * have finished, the tables, figures and settings that the study's command wrote. Copied back into the folder of a study, the runs
 * count as finished. While runs are missing, the checkpoints of the vanilla network are kept too, so that other runs can start from it.
 *
 *   npm run bench:publish -- STUDY-FOLDER results/NAME
 */
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { readStudyFile, studyFile } from '../src/report/collect-study.ts';
import { chainAnew } from '../src/run/record/chain.ts';
import { readConfig } from '../src/run/record/config.ts';
import { folderOf, isRun } from '../src/run/record/folder.ts';
import { readRun } from '../src/run/record/read.ts';
import { plannedRuns } from '../src/study/run.ts';
import { say } from './measure.ts';

const { positionals } = parseArgs({ allowPositionals: true });
const [from, to] = positionals;
if (from === undefined || to === undefined) throw new Error('give two folders: that of the study, and one in results/');

const { vanilla, runs } = plannedRuns(readStudyFile(studyFile(from)).study);
const planned = [...(vanilla === null ? [] : [vanilla]), ...runs].map(({ folder }) => folder);
const ended = planned.filter((name) => {
  const root = join(from, name);
  return isRun(root) && readRun(root).state.search.finished;
});
const isComplete = ended.length === planned.length;

const kept = join(to, 'runs');
rmSync(kept, { recursive: true, force: true });
for (const name of ended) {
  const [source, target] = [folderOf(join(from, name)), folderOf(join(kept, name))];
  mkdirSync(target.root, { recursive: true });
  const config = readConfig(source.config);
  const { where: _where, ...facts } = config.data;
  const data = { ...facts, path: basename(facts.path), folder: null };
  const shared = config.vanilla === null ? null : basename(config.vanilla);
  const published = `${JSON.stringify({ ...config, data, vanilla: shared }, null, 2)}\n`;
  writeFileSync(target.config, published);
  writeFileSync(target.journal, chainAnew(readFileSync(source.journal, 'utf8'), JSON.parse(published)));
  for (const file of [target.journal, target.config])
    if (readFileSync(file, 'utf8').includes(resolve(from))) throw new Error(`${file} still contains a path of this machine`);
}
if (!isComplete && vanilla !== null && ended.includes(vanilla.folder))
  cpSync(folderOf(join(from, vanilla.folder)).checkpoints, folderOf(join(kept, vanilla.folder)).checkpoints, { recursive: true });

for (const name of ['study.yaml', 'tables.md', 'configurations.yaml', 'tables', 'figures']) {
  rmSync(join(to, name), { recursive: true, force: true });
  if (isComplete && existsSync(join(from, name))) cpSync(join(from, name), join(to, name), { recursive: true });
}

say(`${ended.length} of ${planned.length} runs${isComplete ? ', tables and figures' : ': no tables yet'}`);
