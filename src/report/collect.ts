/** What a report needs of runs, read from their folders: the journal, and the answers of the best network. */
import { basename, resolve } from 'node:path';
import type { OpenOptions } from '../engine/open.ts';
import { plannedSettings } from '../run/budget.ts';
import { conditionOf } from '../run/condition.ts';
import type { Config } from '../run/config.ts';
import { readRun, type Read } from '../run/read.ts';
import { findMistakes } from './mistakes.ts';
import type { ReportedRun } from './page.ts';
import type { RunRead } from './subject.ts';

/** `command`: what runs it again. */
export function runReadOf(read: Read, name: string, command: string): RunRead {
  const { config, state, replay } = read;
  const { entries, torn } = replay;
  return { name, config, state, entries, torn, condition: conditionOf(read), command };
}

/** `commandOf`: what runs it again; `environment`: where engines are looked for. Nothing is locked and nothing written. */
export async function collectRun(
  root: string,
  commandOf: (config: Config) => string,
  environment: OpenOptions['environment'],
): Promise<ReportedRun> {
  const found = readRun(root);
  const { config, state } = found;
  return {
    read: runReadOf(found, basename(resolve(root)), commandOf(config)),
    mistakes: await findMistakes(root, config, plannedSettings(config.settings, state.plan), environment),
  };
}
