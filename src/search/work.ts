/** Work: the multiply-adds that training takes, which are the same on every machine. Pure. */
import { candidateOf, candidateOfTask, type CandidateId, type SearchState } from './state.ts';
import type { Network } from '../network/network.ts';
import { headPasses } from '../training/job.ts';
import type { Settings } from './settings.ts';

/** Multiply-adds of training on so many images: forward, and backward to the inputs and to the kernels. */
export const costOfTraining = (multiplyAdds: number, images: number): number => 3 * multiplyAdds * images;

/** A trained network whose predictions others learn. */
export interface Teacher {
  readonly network: Network;
  /** The hash of the checkpoint that holds its tensors. */
  readonly checkpoint: string;
}

/** As a field of a task: the given network as it was, for all that are trained after it. */
export function teacherOf(
  { distillation }: Pick<Settings, 'distillation'>,
  given: Teacher | undefined,
  line: CandidateId,
): { readonly teacher?: Teacher } {
  if (distillation === 0 || given === undefined || line === 'vanilla') return {};
  return { teacher: { network: given.network, checkpoint: given.checkpoint } };
}

/** The work of training a head alone, in minibatches of training all layers: its features are computed forward only. */
export const headMinibatches = ({
  settings: { batch },
  counts,
}: {
  readonly settings: Pick<Settings, 'batch'>;
  readonly counts: { readonly train: number; readonly validation: number };
}): number => Math.max(1, Math.ceil((headPasses * counts.train + counts.validation) / 3 / batch));

/** What a network that is trained learns from, beside the labels: the given network's multiply-adds an image, forward; 0 for nothing. */
export const teachingOf = ({ distillation }: Pick<Settings, 'distillation'>, from: number | null): number =>
  distillation === 0 || from === null ? 0 : from;

/** The work of a minibatch of a candidate. */
function costOfMinibatch(state: SearchState, settings: Settings, id: CandidateId): number {
  const start = candidateOf(state, 'vanilla');
  // The given network itself is not taught.
  const teaching = id === 'vanilla' || start.origin === null ? 0 : teachingOf(settings, start.multiplyAdds);
  return costOfTraining(candidateOf(state, id).multiplyAdds, settings.batch) + teaching * settings.batch;
}

/** The work of all candidates so far. */
export const workDone = (state: SearchState, settings: Settings): number =>
  [...state.tasks].reduce((sum, [task, done]) => sum + done * costOfMinibatch(state, settings, candidateOfTask(task)), 0);

/** Minibatches of the final training with the work that is left; null where no work is set. */
export function finalMinibatches(settings: Settings, state: SearchState): number | null {
  if (settings.work === null || state.stop === null) return null;
  return Math.max(1, Math.floor((settings.work - workDone(state, settings)) / costOfMinibatch(state, settings, state.stop.line)));
}
