/** The candidates that a phase trains, as displays show them: the status, the rung and the progress of each. Pure. */
import { epochsOf, rungsFor } from '../../search/rungs.ts';
import type { Candidate, CandidateId, Step } from '../../search/state.ts';
import type { Config } from '../record/config.ts';
import { minibatchesAnEpoch, settingsOf, type Phase, type View } from './view.ts';

export interface Watched {
  readonly view: View;
  readonly config: Config;
}

export type Status = 'running' | 'waiting' | 'promoted' | 'winner' | 'dropped' | 'undrawn' | 'lost' | 'done';

/** Beside a candidate that is not running. */
export const statusWords: { readonly [S in Status]: string } = {
  running: '',
  waiting: 'waits',
  promoted: 'promoted',
  winner: 'winner',
  dropped: 'dropped',
  undrawn: 'skipped',
  lost: 'lost',
  done: 'trained',
};

type StepPhase = Phase & { readonly kind: 'step' };

/** The rung of a candidate, from 0; null before it enters one. Without promotions, all candidates are in the open rung. */
export const rungOf = ({ promotions, rungs }: Step, id: CandidateId): number | null =>
  promotions.length === 0 ? rungs.length : (promotions.findLast(({ candidate }) => candidate === id)?.rung ?? null);

export function statusOf({ view, config }: Watched, phase: Phase, { id, end, epochs }: Candidate): Status {
  if (end?.kind === 'lost' || end?.kind === 'undrawn') return end.kind;
  const isRunning = view.running.has(id);
  if (phase.kind !== 'step') return isRunning ? 'running' : epochs.length > 0 ? 'done' : 'waiting';
  if (phase.step.winner === id) return 'winner';
  if (end?.kind === 'dropped' || phase.step.winner !== null) return 'dropped';
  const rung = rungOf(phase.step, id);
  if (rung === null) return 'waiting';
  // No event says that a task has ended: its last epoch does.
  const through = epochsOf(rungsFor(settingsOf(view, config)).slice(0, rung + 1));
  if ((epochs.at(-1)?.epoch ?? 0) >= through) return 'done';
  return isRunning ? 'running' : rung > 0 ? 'promoted' : 'waiting';
}

/** The rungs in which candidates train: `rung 2 of 3`, or `rungs 1, 2 of 3` without a barrier between rungs; empty where none do. */
export function rungWords(watched: Watched, { step, rung }: StepPhase): string {
  if (step.winner !== null) return '';
  const count = rungsFor(settingsOf(watched.view, watched.config)).length;
  const { candidates } = watched.view.run.search;
  const open =
    rung !== null
      ? [Math.min(count - 1, rung)]
      : step.children.flatMap((id) => {
          const candidate = candidates.get(id);
          const isRunning = candidate !== undefined && statusOf(watched, { kind: 'step', step, rung }, candidate) === 'running';
          return isRunning ? (rungOf(step, id) ?? []) : [];
        });
  const numbers = [...new Set(open)].toSorted((a, b) => a - b).map((each) => each + 1);
  return numbers.length === 0 ? '' : `rung${numbers.length === 1 ? '' : 's'} ${numbers.join(', ')} of ${count}`;
}

/** The epoch of a candidate's running task, of how many, and the share of it that is done. */
export function progressOf(
  { view, config }: Watched,
  phase: Phase,
  id: CandidateId,
): { readonly epoch: string; readonly share: number } {
  const running = view.running.get(id);
  if (running === undefined) return { epoch: '', share: 0 };
  const settings = settingsOf(view, config);
  const whole =
    (phase.kind === 'final' || phase.kind === 'baseline') && (view.run.search.segments[phase.kind].at(-1)?.whole ?? false);
  const planned =
    phase.kind === 'vanilla'
      ? settings.vanilla.epochs
      : phase.kind === 'step'
        ? (rungsFor(settings)[rungOf(phase.step, id) ?? 0]?.epochs ?? 1)
        : null;
  // Where the epochs are known, the worker's count says how many minibatches each has.
  const perEpoch =
    planned !== null && running.count !== null ? running.count / planned : minibatchesAnEpoch(config, settings, whole);
  // Segments of the final training follow one another within its epochs.
  const segments = id === 'final' ? view.run.search.segments.final : [];
  const before = segments.slice(0, -1).reduce((sum, { count }) => sum + count, 0);
  const done = (before + running.done) / perEpoch;
  const finalEpochs =
    settings.work === null ? settings.final.epochs : Math.ceil((before + (segments.at(-1)?.count ?? 0)) / perEpoch);
  const total = planned ?? (id === 'final' && view.run.budget === null ? finalEpochs : null);
  const current = Math.min(Math.floor(done + 1e-9), (total ?? Infinity) - 1);
  return { epoch: total === null ? String(current + 1) : `${current + 1}/${total}`, share: done - current };
}

/** The candidates that the phase trains. */
export function candidatesOf({ view }: Pick<Watched, 'view'>, phase: Phase): readonly CandidateId[] {
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
    case 'verification':
    case 'done':
      return known(['final', 'baseline']);
  }
}
