/** How much training is done and left, in multiply-adds of forward passes; from it and the time gone, the time left. Pure. */
import { splitCounts } from '../../data/split-counts.ts';
import type { Context } from '../../search/next.ts';
import type { Settings } from '../../search/settings.ts';
import { medianFirst, copiesOf, simulate, wholeFinal } from '../../search/simulation.ts';
import { candidateOf, candidateOfTask, type SearchState, type Step } from '../../search/state.ts';
import { mean } from '../../util/numbers.ts';
import type { Config } from '../record/config.ts';
import { settingsOf, type View } from './view.ts';

/** How many times as many multiply-adds a step's children have as their parent, before any was sampled. */
const usualGrowth = 1.5;

const costOf = (search: SearchState, id: string): number => search.candidates.get(id)?.multiplyAdds ?? 0;

/** The growth of a step. */
const growthOf = (search: SearchState, { children, parent }: Step): number =>
  Math.max(1, mean(children.map((id) => costOf(search, id))) / Math.max(1, costOf(search, parent)));

/** Multiply-adds × minibatches. */
export interface Work {
  readonly done: number;
  readonly left: number;
}

/** Work left in a search as far as its journal says, by a simulation in which further steps grow as the last one did. */
function leftOf(search: SearchState, context: Context): number {
  const { settings } = context;
  const last = search.steps.at(-1);
  const growth = last === undefined ? usualGrowth : growthOf(search, last);
  const most = settings.limits.multiplyAdds ?? Infinity;
  const begun = search.steps.length;
  /** In the simulation children of further steps are copies of their parent. */
  const sizeOf = (id: string, state: SearchState): number => {
    const { multiplyAdds, step } = candidateOf(state, id);
    return Math.max(multiplyAdds, Math.min(most, multiplyAdds * growth ** Math.max(0, step - begun)));
  };
  const simulation = simulate({
    context,
    cores: { workers: 1, threads: 1 },
    model: {
      cost: (task, _threads, _isNew, state) => ({
        start: 0,
        minibatch: task.kind === 'test' ? 0 : sizeOf(task.line, state),
        epoch: 0,
      }),
      validation: medianFirst,
    },
    // Where time alone ends a search, steps that did not begin are not counted.
    clock: {
      until: () => Infinity,
      segment: (state) => wholeFinal(context, state),
      admit: (event) =>
        event.type === 'step' && settings.limits.steps === null ? { type: 'stop', reason: 'time', line: event.parent } : event,
    },
    from: search,
  });
  let left = 0;
  for (const { t } of simulation) left = t;
  return left;
}

/** One simulation a state: displays ask several times a second. */
const known = new WeakMap<SearchState, WeakMap<Config, number>>();

/** Work that is done, and an estimate of what is left: how networks will grow is not known. */
export function workOf(view: View, config: Config): Work {
  const { search } = view.run;
  if (!search.candidates.has('vanilla')) return { done: 0, left: Infinity };
  const recorded = [...search.tasks].reduce((sum, [task, done]) => sum + done * costOf(search, candidateOfTask(task)), 0);
  // What workers have done since their last epoch.
  const further = [...view.running].reduce(
    (sum, [id, { task, done }]) => sum + Math.max(0, done - (search.tasks.get(task) ?? 0)) * costOf(search, id),
    0,
  );
  const ofConfigs = known.get(search) ?? new WeakMap<Config, number>();
  const left = ofConfigs.get(config) ?? leftOf(search, contextOf(settingsOf(view, config), config));
  known.set(search, ofConfigs.set(config, left));
  return { done: recorded + further, left: Math.max(0, left - further) };
}

function contextOf(settings: Settings, { data, times }: Config): Context {
  const counts = { ...splitCounts(data, settings), shape: data.shape, classes: data.classes.length, times };
  return { settings, counts, passesFor: () => 1, startStep: (_context, _step, parent) => copiesOf(settings, parent) };
}

export interface TimeLeft {
  readonly seconds: number;
  /** A budget that is kept, or an estimate from the speed so far. */
  readonly kind: 'budget' | 'estimate';
}

/** Work below this share of the whole says too little about the speed. */
const leastShare = 0.005;

/** Null where it is not known, and of a run that is not running. */
export function timeLeft(view: View, config: Config, now: number): TimeLeft | null {
  const budget = view.run.budget ?? config.budget;
  if (view.run.search.finished || view.run.interrupted) return null;
  if (budget !== null) return { seconds: Math.max(0, budget - now), kind: 'budget' };
  const { done, left } = workOf(view, config);
  const begun = Math.min(...view.run.taskStarted.values());
  if (!Number.isFinite(left) || !Number.isFinite(begun) || now - begun < 3 || done < leastShare * (done + left)) return null;
  let seconds = (left / done) * (now - begun);
  // A search that time alone ends: its own limit, and the final training at this speed.
  const { seconds: limit, steps } = config.settings.limits;
  if (limit !== null && steps === null && view.run.search.stop === null) seconds += Math.max(0, limit - now);
  return { seconds, kind: 'estimate' };
}
