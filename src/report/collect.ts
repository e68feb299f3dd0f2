/** What a report needs of runs, read from their folders: the journal, and the answers of the best network. */
import { basename, resolve } from 'node:path';
import type { OpenOptions } from '../engine/open.ts';
import { plannedSettings } from '../run/budget.ts';
import { conditionOf } from '../run/condition.ts';
import type { Config } from '../run/config.ts';
import { readRun } from '../run/read.ts';
import { findMistakes } from './mistakes.ts';
import type { ReportedRun } from './page.ts';

/** `commandOf`: what runs it again; `environment`: where engines are looked for. Nothing is locked and nothing written. */
export async function collectRun(
  root: string,
  commandOf: (config: Config) => string,
  environment: OpenOptions['environment'],
): Promise<ReportedRun> {
  const found = readRun(root);
  const { config, state, replay } = found;
  const { entries, torn } = replay;
  const condition = conditionOf(found);
  return {
    read: { name: basename(resolve(root)), config, state, entries, torn, condition, command: commandOf(config) },
    mistakes: await findMistakes(root, config, plannedSettings(config.settings, state.plan), environment),
  };
}
