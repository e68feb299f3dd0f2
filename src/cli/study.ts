/** `instar study`: many runs at the same time, and their results. */
import { basename, join, resolve } from 'node:path';
import { makeFolder } from '../util/files.ts';
import { cacheAdvice, whyUnwritable } from '../data/cache.ts';
import type { DataEvent } from '../data/source.ts';
import { usableProcessors } from '../execution/resources.ts';
import { readStudyFile, studyFile } from '../report/collect-study.ts';
import { cacheFolder } from '../run/preparing/begin.ts';
import { collectStudy } from '../study/collect.ts';
import { conclusionsOf } from '../study/conclusions.ts';
import { checkFolder, plannedRuns, runStudy, strangersIn } from '../study/run.ts';
import { writeState } from '../training/checkpoint.ts';
import { plural, printable } from '../util/words.ts';
import { interrupted, listenForInterrupts } from './interrupt.ts';
import { exitCodes, printLines, type Io } from './io.ts';
import type { Given } from '../options/commands.ts';
import { quoted } from '../util/quoted.ts';
import { writeStudyResults, writeTables } from './study-files.ts';
import { openStudyProgress } from './study-progress.ts';

export async function studyCommand(file: string, given: Given<'study'>, io: Io): Promise<number> {
  const { text, study } = readStudyFile(file);
  const { folder, data, labels, labelColumn, jobs = usableProcessors(), mixed = false } = given;
  const root = folder ?? join('runs', basename(file).replace(/\.ya?ml$/i, ''));
  const planned = plannedRuns(study).runs.length;

  checkFolder(study, root);
  const progress = openStudyProgress(study, root, jobs, io);
  const interruption = listenForInterrupts(
    io,
    () => progress.notice('stopping: the runs can be resumed (Ctrl-C again ends at once)'),
    () => progress.close(),
  );
  try {
    progress.say(`${printable(study.title)}: ${plural(planned, 'run')}, ${jobs} side by side; folder ${printable(root)}`);
    makeFolder(root);
    const strangers = strangersIn(study, root);
    if (strangers.length > 0)
      progress.say(
        `not in this file, so not in the tables: ${printable(strangers.slice(0, 10).join(', '))}${strangers.length > 10 ? ` and ${strangers.length - 10} more` : ''}`,
      );
    // Runs that cannot use the cache share one: that of the study.
    const why = await whyUnwritable(cacheFolder());
    if (why !== null) {
      progress.say(
        `${printable(`${cacheFolder()}: the cache of decoded data cannot be written (${why})`)}: the study's folder takes its place (${cacheAdvice})`,
      );
      io.set('INSTAR_CACHE', resolve(root, 'cache'));
    }
    await writeState(studyFile(root), text);
    const options = { root, jobs, mixed, signal: interruption.signal, onData: (event: DataEvent) => progress.data(event) };
    const places = {
      ...(data === undefined ? {} : { data }),
      ...(labels === undefined ? {} : { labels }),
      ...(labelColumn === undefined ? {} : { labelColumn }),
    };
    for await (const item of runStudy(study, { ...options, ...places })) {
      progress.observe(item);
      if (item.kind === 'ended') await writeTables(collectStudy(study, root), root);
    }
  } catch (error) {
    if (error !== interrupted) throw error;
  } finally {
    interruption.stop();
    progress.close();
  }
  const collected = await writeStudyResults(root, io);
  // Another process may have finished some of them.
  const finished = collected.runs.filter(({ read }) => read.state.search.finished).length;
  for (const { message } of collected.damaged) printLines(io.err, [printable(message)]);
  printLines(
    io.out,
    [
      ...conclusionsOf(collected.result).map(({ text: said }) => said),
      `tables: ${join(root, 'tables.md')}`,
      `report: ${join(root, 'report.html')}`,
    ].map(printable),
  );
  if (finished === planned) return exitCodes.done;
  printLines(io.err, [
    `${finished} of ${plural(planned, 'run')} finished: 'instar study ${quoted(file)}${folder === undefined ? '' : ` --folder ${quoted(root)}`}${data === undefined ? '' : ` --data ${quoted(data)}`}${labels === undefined ? '' : ` --labels ${quoted(labels)}`}${labelColumn === undefined ? '' : ` --label-column ${quoted(labelColumn)}`}' resumes`,
  ]);
  return progress.failed > 0 && !interruption.signal.aborted ? exitCodes.failed : exitCodes.interrupted;
}
