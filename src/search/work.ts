/** Work: the multiply-adds that training takes, which are the same on every machine. Pure. */
import { candidateOf, candidateOfTask, type SearchState } from './state.ts';
import type { Settings } from './settings.ts';

/** Multiply-adds of training on so many images: forward, and backward to the inputs and to the kernels. */
export const costOfTraining = (multiplyAdds: number, images: number): number => 3 * multiplyAdds * images;

/** The work of all candidates so far. */
export const workDone = (state: SearchState, { batch }: Settings): number =>
  [...state.tasks].reduce(
    (sum, [task, done]) => sum + costOfTraining(candidateOf(state, candidateOfTask(task)).multiplyAdds, done * batch),
    0,
  );

/** Minibatches of the final training with the work that is left; null where no work is set. */
export function finalMinibatches(settings: Settings, state: SearchState): number | null {
  if (settings.work === null || state.stop === null) return null;
  const { multiplyAdds } = candidateOf(state, state.stop.line);
  return Math.max(1, Math.floor((settings.work - workDone(state, settings)) / costOfTraining(multiplyAdds, settings.batch)));
}
