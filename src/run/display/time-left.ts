/** How much training is done and left, in multiply-adds of forward passes; from it and the time gone, the time left. Pure. */
import type { Config } from '../record/config.ts';
import { currentParent } from '../../search/ranking.ts';
import type { Settings } from '../../search/settings.ts';
import { candidateOf, type SearchState, type Step } from '../../search/state.ts';
import { rungsFor } from '../../search/rungs.ts';
import { minibatchesAnEpoch, settingsOf, type View } from './view.ts';

/** How many times as many multiply-adds a step's children have as their parent, before any was drawn. */
const guessedGrowth = 1.5;

/** Minibatches of a task that are done: as its worker says, or as the journal does. */
function doneOf(view: View, task: string, line: string): number {
  const running = view.running.get(line);
  return Math.max(view.run.search.tasks.get(task) ?? 0, running?.task === task ? running.done : 0);
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);

const costOf = (search: SearchState, id: string): number => search.candidates.get(id)?.multiplyAdds ?? 0;

export interface Work {
  /** Multiply-adds × minibatches. */
  readonly done: number;
  readonly left: number;
}

/** What is left of a step that has begun. */
function leftOfStep(view: View, step: Step, settings: Settings, perEpoch: number): number {
  const { search } = view.run;
  if (step.winner !== null) return 0;
  const alive = step.children.filter((id) => search.candidates.get(id)?.end === null);
  const cost = mean(alive.map((id) => costOf(search, id)));
  return rungsFor(settings).reduce((sum, { size, epochs }, index) => {
    if (index < step.rungs.length) return sum;
    if (index > step.rungs.length) return sum + Math.min(size, alive.length) * epochs * perEpoch * cost;
    return alive.reduce(
      (rest, id) => rest + Math.max(0, epochs * perEpoch - doneOf(view, `${id}/${index}`, id)) * costOf(search, id),
      sum,
    );
  }, 0);
}

/** Work that is done, and a guess of what is left: how the networks will grow is not known. */
export function workOf(view: View, config: Config): Work {
  const { search } = view.run;
  const settings = settingsOf(view, config);
  const vanilla = search.candidates.get('vanilla');
  if (vanilla === undefined) return { done: 0, left: Infinity };
  const perEpoch = minibatchesAnEpoch(config, settings, false);
  const rungs = rungsFor(settings);

  const tasks = new Map([...search.tasks.keys()].map((task) => [task, task.split('/')[0] ?? task]));
  for (const [line, { task }] of view.running) tasks.set(task, line);
  const done = [...tasks].reduce((sum, [task, line]) => sum + doneOf(view, task, line) * costOf(search, line), 0);

  let left = Math.max(0, settings.vanilla.epochs * perEpoch - doneOf(view, 'vanilla', 'vanilla')) * vanilla.multiplyAdds;
  const most = settings.limits.multiplyAdds ?? Infinity;
  let parent = costOf(search, search.stop?.line ?? currentParent(search));
  const stepEpochs = rungs.reduce((sum, { size, epochs }) => sum + size * epochs, 0);
  const winnerEpochs = rungs.reduce((sum, { epochs }) => sum + epochs, 0);
  const step = search.steps.at(-1);
  if (search.stop === null) {
    let growth = guessedGrowth;
    if (step !== undefined) {
      growth = Math.max(1, mean(step.children.map((id) => costOf(search, id))) / Math.max(1, costOf(search, step.parent)));
      left += leftOfStep(view, step, settings, perEpoch);
      if (step.winner === null) parent = Math.min(most, parent * growth);
    }
    for (let later = search.steps.length; later < (settings.limits.steps ?? search.steps.length); later++) {
      parent = Math.max(parent, Math.min(most, parent * growth));
      left += stepEpochs * perEpoch * parent;
    }
  }
  const finalCount =
    settings.final.epochs * minibatchesAnEpoch(config, settings, true) ||
    search.segments.final.reduce((sum, { count }) => sum + count, 0);
  const doneOfEnd = (line: 'final' | 'baseline'): number =>
    search.segments[line].reduce((sum, _slice, index) => sum + doneOf(view, `${line}/${index}`, line), 0);
  left += Math.max(0, finalCount - doneOfEnd('final')) * parent;
  if (settings.baseline) {
    const steps =
      search.stop === null
        ? Math.max(search.steps.length, settings.limits.steps ?? 0)
        : candidateOf(search, search.stop.line).step;
    const count = steps * winnerEpochs * perEpoch + finalCount;
    left += Math.max(0, count - doneOfEnd('baseline')) * vanilla.multiplyAdds;
  }
  return { done, left };
}

export interface TimeLeft {
  readonly seconds: number;
  /** A budget that is kept, or an estimate from the speed so far. */
  readonly kind: 'budget' | 'estimate';
}

/** Work below this share of the whole says too little of the speed. */
const toldShare = 0.005;

export function timeLeft(view: View, config: Config, now: number): TimeLeft | null {
  const budget = view.run.budget ?? config.budget;
  if (view.run.search.finished) return null;
  if (budget !== null) return { seconds: Math.max(0, budget - now), kind: 'budget' };
  const { done, left } = workOf(view, config);
  const begun = Math.min(...view.run.taskStarted.values());
  if (!Number.isFinite(left) || !Number.isFinite(begun) || now - begun < 3 || done < toldShare * (done + left)) return null;
  let seconds = (left / done) * (now - begun);
  // A search that time alone ends: its own limit, and the final training at this speed.
  const { seconds: limit, steps } = config.settings.limits;
  if (limit !== null && steps === null && view.run.search.stop === null) seconds += Math.max(0, limit - now);
  return { seconds, kind: 'estimate' };
}
