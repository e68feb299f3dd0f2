/** Reports a study in progress: a live display on a terminal, lines elsewhere. */
import { join } from 'node:path';
import type { DataEvent } from '../data/source.ts';
import { readConfig } from '../run/record/config.ts';
import type { RunItem } from '../run/driving/drive.ts';
import { folderOf } from '../run/record/folder.ts';
import { readRun } from '../run/record/read.ts';
import { emptyRun } from '../run/record/replay.ts';
import { candidateOf, validationOf } from '../search/state.ts';
import { collectStudy } from '../study/collect.ts';
import type { Study } from '../study/file.ts';
import type { PlannedRun, StudyItem } from '../study/run.ts';
import { must } from '../util/assert.ts';
import { formatDuration } from '../util/duration.ts';
import { formatCount, formatPercent, printable } from '../util/words.ts';
import { dataLines, describeData } from './data-lines.ts';
import { openDisplay } from './display.ts';
import { isLive, printLines, type Io } from './io.ts';
import { endOf, renderStudy, type Active, type Ended, type StudyScene } from './study-view.ts';
import { observe, viewOf, type View } from '../run/display/view.ts';

/** Milliseconds between two drawings. */
const frame = 250;

/** The line for an event of a run; null for most. */
function lineFor(item: RunItem, { view }: Active): string | null {
  const { search } = view.run;
  if (item.type === 'failed' && !item.retried) return `${item.line} lost: ${item.failure}: ${item.message.split('\n')[0] ?? ''}`;
  if (item.type !== 'selected') return null;
  const { parameters } = candidateOf(search, item.line);
  return `step ${item.step}: ${item.line}, ${formatPercent(must(validationOf(search, item.line), 'validation').accuracy)}, ${formatCount(parameters)} parameters`;
}

/** The end of a run, or that it was stopped. */
function endWords(view: View | undefined, ended: Ended | null): string {
  if (ended === null) return 'stopped';
  const what = view?.run.search.tests.has('final') === true ? 'test' : 'validation';
  return `finished: ${what} ${formatPercent(ended.accuracy)}`;
}

export interface StudyProgress {
  /** Runs that failed. */
  readonly failed: number;
  /** A line that stays, with the time. */
  say(text: string): void;
  data(event: DataEvent): void;
  /** A message, shown at once. */
  notice(text: string): void;
  observe(item: StudyItem): void;
  close(): void;
}

export function openStudyProgress(study: Study, root: string, jobs: number, io: Io): StudyProgress {
  const { title, repetitions } = study;
  const begun = io.now();
  const active = new Map<string, Active>();
  const ended = new Map(study.arms.map(({ name }) => [name, new Map<number, Ended>()]));
  let failed = 0;
  let message: string | null = null;
  /** How the reading of data goes on. */
  let reading: string | null = null;
  const secondsSince = (): number => (io.now() - begun) / 1000;
  const end = ({ arm, repetition }: PlannedRun, result: Ended | null): void => {
    if (arm !== null && result !== null) ended.get(arm)?.set(repetition, result);
  };
  for (const { run, read } of collectStudy(study, root).runs) end(run, endOf({ run: read.state }));

  const scene = (): StudyScene => {
    const arms = [...ended].map(([name, results]) => ({ name, ended: [...results.values()] }));
    const [seconds, notice] = [secondsSince(), message ?? reading];
    return { title, root, arms, repetitions, jobs, active: [...active.values()], failed, seconds, notice };
  };
  const display = isLive(io)
    ? openDisplay(io, frame, ({ width, height, colour }) => renderStudy(scene(), width, height - 1, colour))
    : null;
  display?.start();

  const print = (line: string): void => (display === null ? printLines(io.err, [line]) : display.say([line]));
  const say = (text: string): void => print(`[${formatDuration(secondsSince())}] ${text}`);
  const dataLine = dataLines((lines) => lines.forEach(say), Date.now);
  return {
    get failed() {
      return failed;
    },
    say,
    data(event) {
      // All runs have the same classes.
      if (event.kind === 'classes') return;
      if (display === null || event.kind === 'note') dataLine(event);
      else reading = describeData(event).join(' ');
    },
    notice(text) {
      message = text;
      if (display === null) printLines(io.err, [text]);
      else display.draw();
    },
    observe(item) {
      const { folder } = item.run;
      const path = join(root, folder);
      const before = active.get(folder);
      switch (item.kind) {
        case 'begun':
          active.set(folder, { run: item.run, view: viewOf(item.resumed ? readRun(path).state : emptyRun), config: null });
          return say(`${folder} ${item.resumed ? 'resumed' : 'started'}`);
        case 'item': {
          reading = null;
          if (before === undefined) return;
          const config = before.config ?? readConfig(folderOf(path).config);
          const now = item.item.type === 'progress' ? before.view.run.seconds : item.item.t;
          const after = { ...before, config, view: observe(before.view, item.item, now) };
          active.set(folder, after);
          const line = lineFor(item.item, after);
          if (line !== null) say(`${folder} ${line}`);
          return;
        }
        case 'ended': {
          active.delete(folder);
          const result = before === undefined ? null : endOf(before.view);
          end(item.run, result);
          return say(`${folder} ${endWords(before?.view, result)}`);
        }
        case 'failed':
          active.delete(folder);
          failed++;
          return say(`${folder} failed: ${printable(item.message)}`);
      }
    },
    close: () => display?.close(),
  };
}
