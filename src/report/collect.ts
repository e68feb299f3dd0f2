/** Reads a run's folder for its report: the journal, and mistakes of the best network. */
import { basename, resolve } from 'node:path';
import type { OpenOptions } from '../engine/open.ts';
import { plannedSettings } from '../run/planning/budget.ts';
import { searchAgain } from '../run/display/rerun-command.ts';
import { conditionOf, readRun, type Read } from '../run/record/read.ts';
import { findMistakes } from './mistakes.ts';
import type { ReportedRun } from './page.ts';
import type { RunRead } from './run-details.ts';

export function runReadOf(read: Read, name: string): RunRead {
  const { config, state, replay } = read;
  const { entries, torn } = replay;
  return { name, config, state, entries, torn, condition: conditionOf(read), command: searchAgain(config, 'as given') };
}

/** `environment`: to find engines. Locks and writes nothing. */
export async function collectRun(root: string, environment: OpenOptions['environment']): Promise<ReportedRun> {
  const found = readRun(root);
  const { config, state } = found;
  return {
    read: runReadOf(found, basename(resolve(root))),
    mistakes: await findMistakes(
      root,
      config,
      plannedSettings(config.settings, state.plan),
      environment,
      state.search.tests.has('final'),
    ),
  };
}
