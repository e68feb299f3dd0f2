/** Reports a study in progress: a live display on a terminal, lines elsewhere. */
import { join } from 'node:path';
import type { DataEvent } from '../data/source.ts';
import { readConfig, type Config } from '../run/record/config.ts';
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
import { openDisplay, type Display } from './display.ts';
import { isLive, printLines, type Io } from './io.ts';
import { endOf, renderStudy, type Active, type Ended, type StudyScene } from './study-view.ts';
import { observe, viewOf } from '../run/display/view.ts';

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

export class StudyProgress {
  readonly #study: Study;
  readonly #root: string;
  readonly #jobs: number;
  readonly #io: Io;
  readonly #begun: number;
  readonly #active = new Map<string, Active>();
  readonly #ended = new Map<string, Map<number, Ended>>();
  #failed = 0;
  #notice: string | null = null;
  /** How the reading of data goes on. */
  #reading: string | null = null;
  readonly #display: Display | null;
  readonly #dataLine: (event: DataEvent) => void;

  constructor(study: Study, root: string, jobs: number, io: Io) {
    this.#study = study;
    this.#root = root;
    this.#jobs = jobs;
    this.#io = io;
    this.#begun = io.now();
    for (const { name } of study.arms) this.#ended.set(name, new Map());
    for (const { run, read } of collectStudy(study, root).runs) this.#end(run, endOf({ run: read.state }));
    this.#dataLine = dataLines((line) => this.say(line));
    this.#display = isLive(io)
      ? openDisplay(io, frame, ({ width, height, colour }) => renderStudy(this.#scene(), width, height - 1, colour))
      : null;
    this.#display?.start();
  }

  #end({ arm, repetition }: PlannedRun, ended: Ended | null): void {
    if (arm !== null && ended !== null) this.#ended.get(arm)?.set(repetition, ended);
  }

  #scene(): StudyScene {
    const { title, repetitions } = this.#study;
    return {
      title,
      root: this.#root,
      arms: [...this.#ended].map(([name, ended]) => ({ name, ended: [...ended.values()] })),
      repetitions,
      jobs: this.#jobs,
      active: [...this.#active.values()],
      failed: this.#failed,
      seconds: (this.#io.now() - this.#begun) / 1000,
      notice: this.#notice ?? this.#reading,
    };
  }

  say(text: string): void {
    const line = `[${formatDuration((this.#io.now() - this.#begun) / 1000)}] ${text}`;
    if (this.#display === null) printLines(this.#io.err, [line]);
    else this.#display.say([line]);
  }

  data(event: DataEvent): void {
    if (this.#display === null || event.kind === 'note') this.#dataLine(event);
    else this.#reading = describeData(event);
  }

  notice(text: string): void {
    this.#notice = text;
    if (this.#display === null) printLines(this.#io.err, [text]);
    else this.#display.draw();
  }

  observe(item: StudyItem): void {
    const { folder } = item.run;
    const path = join(this.#root, folder);
    switch (item.kind) {
      case 'begun': {
        const view = viewOf(item.resumed ? readRun(path).state : emptyRun);
        this.#active.set(folder, { run: item.run, view, config: null });
        return this.say(`${folder} ${item.resumed ? 'resumed' : 'started'}`);
      }
      case 'item': {
        this.#reading = null;
        const before = this.#active.get(folder);
        if (before === undefined) return;
        const config: Config = before.config ?? readConfig(folderOf(path).config);
        const now = item.item.type === 'progress' ? before.view.run.seconds : item.item.t;
        const active = { ...before, config, view: observe(before.view, item.item, now) };
        this.#active.set(folder, active);
        const line = lineFor(item.item, active);
        if (line !== null) this.say(`${folder} ${line}`);
        return;
      }
      case 'ended': {
        const view = this.#active.get(folder)?.view;
        this.#active.delete(folder);
        const ended = view === undefined ? null : endOf(view);
        this.#end(item.run, ended);
        const what = view?.run.search.tests.has('final') === true ? 'test' : 'validation';
        const words = ended === null ? 'stopped' : `finished: ${what} ${formatPercent(ended.accuracy)}`;
        return this.say(`${folder} ${words}`);
      }
      case 'failed':
        this.#active.delete(folder);
        this.#failed++;
        return this.say(`${folder} failed: ${printable(item.message)}`);
    }
  }

  get failed(): number {
    return this.#failed;
  }

  close(): void {
    this.#display?.close();
  }
}
