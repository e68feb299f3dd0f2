/** The candidates in training, as displays show them: status and progress of each. Pure. */
import { rungsFor } from '../../search/rungs.ts';
import type { Candidate, CandidateId } from '../../search/state.ts';
import type { Config } from '../record/config.ts';
import { minibatchesAnEpoch, settingsOf, type Phase, type View } from './view.ts';

export interface Watched {
  readonly view: View;
  readonly config: Config;
}

export type Status = 'running' | 'waiting' | 'on' | 'winner' | 'dropped' | 'undrawn' | 'lost' | 'done';

/** Beside a line that does not run. */
export const statusWords: { readonly [S in Status]: string } = {
  running: '',
  waiting: 'waits',
  on: 'goes on',
  winner: 'winner',
  dropped: 'dropped',
  undrawn: 'left',
  lost: 'lost',
  done: 'trained',
};

/** How a line that is shown stands. */
export function statusOf({ view, config }: Watched, phase: Phase, line: Candidate): Status {
  if (line.end?.kind === 'lost' || line.end?.kind === 'undrawn') return line.end.kind;
  if (phase.kind === 'step') {
    if (phase.step.winner === line.id) return 'winner';
    if (line.end?.kind === 'dropped' || phase.step.winner !== null) return 'dropped';
  }
  if (phase.kind === 'step') {
    const through = rungsFor(settingsOf(view, config))
      .slice(0, phase.rung + 1)
      .reduce((sum, { epochs }) => sum + epochs, 0);
    // Nothing says that a task has ended: its last epoch does.
    if ((line.epochs.at(-1)?.epoch ?? 0) >= through) return 'done';
  }
  if (view.running.has(line.id)) return 'running';
  if (phase.kind !== 'step') return line.epochs.length > 0 ? 'done' : 'waiting';
  return phase.rung > 0 ? 'on' : 'waiting';
}

/** Epochs that a line's running task has had and will have, and the share of the running one. */
export function progressOf(
  { view, config }: Watched,
  phase: Phase,
  id: CandidateId,
): { readonly epoch: string; readonly share: number } {
  const running = view.running.get(id);
  if (running === undefined) return { epoch: '', share: 0 };
  const settings = settingsOf(view, config);
  const whole =
    phase.kind === 'final' || (phase.kind === 'baseline' && (view.run.search.segments.baseline.at(-1)?.whole ?? false));
  const planned =
    phase.kind === 'vanilla'
      ? settings.vanilla.epochs
      : phase.kind === 'step'
        ? (rungsFor(settings)[phase.rung]?.epochs ?? 1)
        : null;
  // Where the epochs are known, the worker's count says how many minibatches each has.
  const perEpoch =
    planned !== null && running.count !== null ? running.count / planned : minibatchesAnEpoch(config, settings, whole);
  // Slices of the final training follow one another within its epochs.
  const segments = id === 'final' ? view.run.search.segments.final : [];
  const before = segments.slice(0, -1).reduce((sum, { count }) => sum + count, 0);
  const done = (before + running.done) / perEpoch;
  const total = planned ?? (id === 'final' && view.run.budget === null ? settings.final.epochs : null);
  const current = Math.min(Math.floor(done + 1e-9), (total ?? Infinity) - 1);
  return { epoch: total === null ? String(current + 1) : `${current + 1}/${total}`, share: done - current };
}

/** The lines that the phase is about. */
export function linesOf({ view }: Pick<Watched, 'view'>, phase: Phase): readonly CandidateId[] {
  const { search } = view.run;
  const known = (ids: readonly CandidateId[]): readonly CandidateId[] => ids.filter((id) => search.candidates.has(id));
  switch (phase.kind) {
    case 'start':
      return [];
    case 'vanilla':
      return ['vanilla'];
    case 'step':
      return phase.step.children;
    case 'final':
      return known(['final']);
    case 'baseline':
    case 'test':
    case 'done':
      return known(['final', 'baseline']);
  }
}
