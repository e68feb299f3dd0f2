/**
 * What a search decides by the clock: whether a step still fits, how long the segments of a budgeted final training are, and
 * when the steps have to end. Pure: seconds come in. A run asks it with what it measures, a forecast with what it computes.
 */
import type { SearchEvent } from '../../search/events.ts';
import { baselineSegments, methodOf, type Context } from '../../search/next.ts';
import type { Cores } from '../../search/rungs.ts';
import {
  likelyCandidates,
  medianFirst,
  simulate,
  warmsUp,
  wholeFinal,
  type ClockDecisions,
  type Model,
} from '../../search/simulation.ts';
import { candidateOf, reduce, type CandidateId, type SearchState } from '../../search/state.ts';
import { mean } from '../../util/numbers.ts';
import type { Plan } from '../record/events.ts';
import { epochImages, planSegment, evaluationSeconds, taskStart } from './budget.ts';
import { betweenThreads } from './costs.ts';

/** Measured or computed, with all threads. */
export interface Pace {
  /** Seconds a minibatch of a candidate. */
  minibatch(id: CandidateId, state: SearchState): number;
  /** Seconds from the start of a task to its first minibatch. */
  start(id: CandidateId, state: SearchState): number;
}

export interface ClockQuestion {
  readonly context: Context;
  readonly cores: Cores;
  readonly testImages: number;
  /** Null without a budget: then steps and epochs limit the search, or `limits.seconds`. */
  readonly budget: { readonly seconds: number; readonly plan: Plan; readonly searchUntil: number } | null;
  readonly pace: Pace;
}

/** Tasks by the speed that the plan measured, and by multiply-adds. */
function plannedModel(plan: Plan, { settings, counts }: Context, { threads: most }: Cores): Model {
  const validated = epochImages(0, counts.validation, settings);
  return {
    cost(task, threads, _isNew, state) {
      const multiplyAdds = mean(likelyCandidates(task, state).map((id) => candidateOf(state, id).multiplyAdds));
      const image = multiplyAdds * betweenThreads(plan.beside, plan.alone, threads, most);
      const validates = task.kind === 'training' && !task.whole;
      return { start: taskStart, minibatch: image * settings.batch, epoch: validates ? image * validated : 0 };
    },
    validation: medianFirst,
  };
}

/** Seconds that a step takes by the plan's speed, from the state in which it begins. */
export function stepSeconds(state: SearchState, plan: Plan, context: Context, cores: Cores): number {
  for (const { t, event } of simulate({ context, cores, model: plannedModel(plan, context, cores), from: state }))
    if (event.type === 'selected') return t;
  return 0;
}

export function clockDecisions({ context, cores, testImages, budget, pace }: ClockQuestion): ClockDecisions {
  const { settings } = context;
  const until = (): number => budget?.searchUntil ?? settings.limits.seconds ?? Infinity;
  return {
    until,
    // The first step begins where there is any time; a further one where it about fits.
    admit(event, state, now) {
      if (event.type !== 'step') return event;
      const left = until() - now;
      const isFirst = state.steps.length === 0;
      const fits =
        left > 0 && (isFirst || budget === null || stepSeconds(reduce(state, event), budget.plan, context, cores) <= 1.2 * left);
      return fits ? event : { type: 'stop', reason: 'time', line: event.parent };
    },
    segment(state, now): SearchEvent {
      if (budget === null) return wholeFinal(context, state);
      const { baseline, final, batch } = settings;
      const searched = baseline ? baselineSegments(state, context).filter(({ whole }) => !whole) : [];
      const [start, minibatch] = [pace.start('final', state), pace.minibatch('final', state)];
      const segment = planSegment({
        budget: budget.seconds,
        elapsed: now,
        planned: state.segments.final,
        rate: final.rate,
        minibatch,
        baselineMinibatch: baseline ? pace.minibatch('vanilla', state) : 0,
        baselineSearched: searched.reduce((sum, { count }) => sum + count, 0),
        test: evaluationSeconds(baseline, start, testImages / batch, minibatch),
        start,
      });
      return {
        type: 'slice',
        line: 'final',
        ...segment,
        // As long as the first segment.
        ...(warmsUp(context, state) ? { from: 1, to: 0 } : {}),
        whole: !settings.validatesFinal,
        restart: segment.restart && !methodOf(context).continuous,
      };
    },
  };
}

/** How much more the children of each step compute than the start network, on average, as they would be sampled. */
export function growthOf(context: Context, steps: number): readonly number[] {
  const { settings } = context;
  const limited = { ...context, settings: { ...settings, limits: { ...settings.limits, steps } } };
  const model: Model = { cost: () => ({ start: 0, minibatch: 1, epoch: 0 }), validation: medianFirst };
  const factors: number[] = [];
  for (const { event, state } of simulate({ context: limited, cores: { workers: 1, threads: 1 }, model })) {
    if (event.type === 'stop') break;
    if (event.type !== 'step') continue;
    const children = event.children.reduce((sum, { multiplyAdds }) => sum + multiplyAdds, 0) / event.children.length;
    factors.push(children / candidateOf(state, 'vanilla').multiplyAdds);
  }
  // Where the limits allow no further mutation, the network stays as it is.
  while (factors.length < steps) factors.push(factors.at(-1) ?? 1);
  return factors;
}
