/** The speed of this machine, measured with the network that the search starts from, and what a budget buys at it. */
import { countMultiplyAdds } from '../network/cost.ts';
import type { Network } from '../network/network.ts';
import type { Pool } from '../execution/pool.ts';
import { drawChildren, startNetwork, type Context } from '../search/next.ts';
import type { Settings } from '../search/settings.ts';
import type { Job } from '../training/job.ts';
import { must } from '../util/assert.ts';
import { planBudget } from './budget.ts';
import { dataReference, engineOf, type Config } from './config.ts';
import type { RunEvent } from './events.ts';

/** What of a run a measurement needs. */
export interface Measuring {
  readonly config: Config;
  readonly pool: Pool;
  readonly signal: AbortSignal;
  elapsed(): number;
  contextFor(settings: Settings): Context;
}

/** Minibatches of a measurement; the first ones are not counted. */
const minibatches = 14;
const warmup = 4;
/** Steps that a budget is planned for; more are made where there is time. */
const plannedSteps = 2;

/** How much larger than the vanilla network the children of each step are, on average, as they would be drawn. */
function growthOf(vanilla: Network, context: Context): readonly number[] {
  const factors: number[] = [];
  let parent = vanilla;
  for (let step = 1; step <= plannedSteps; step++) {
    const costs = drawChildren(parent, context, step)
      .map((child) => ({ network: child.network, cost: countMultiplyAdds(child.network) }))
      .toSorted((a, b) => a.cost - b.cost);
    factors.push(costs.reduce((sum, { cost }) => sum + cost, 0) / costs.length / countMultiplyAdds(vanilla));
    parent = must(costs[costs.length >> 1], 'child').network;
  }
  return factors;
}

/** Seconds a minibatch of one job, by its worker's clock: what the parent hears late it hears in a burst. */
async function minibatchSeconds({ pool, signal }: Measuring, job: Job): Promise<number> {
  const times: number[] = [];
  await pool.run(job, { report: (_report, _peak, clock) => void times.push(clock), started: () => undefined }, signal);
  const [first, last] = [must(times[warmup - 1], 'time'), must(times.at(-1), 'time')];
  return (last - first) / (times.length - warmup);
}

/** Measures one job with all threads, and as many jobs of one thread as there are workers, and plans the budget with that. */
export async function measureBudget(run: Measuring, context: Context, budget: number): Promise<RunEvent> {
  const { config, elapsed } = run;
  const { settings, workers } = config;
  const network = startNetwork(context);
  const multiplyAdds = countMultiplyAdds(network);
  const { batch, augmentation, validation, images, momentum, weightDecay } = settings;
  const perMultiplyAdd = async (jobs: number, threads: number): Promise<number> => {
    const job = (index: number): Job => ({
      kind: 'probe',
      id: `probe ${index}`,
      network,
      data: dataReference(config, images, validation),
      batch,
      augmentation,
      learning: { momentum, weightDecay },
      minibatches,
      engine: engineOf(config, threads),
    });
    const seconds = await Promise.all(Array.from({ length: jobs }, (_none, index) => minibatchSeconds(run, job(index))));
    return seconds.reduce((sum, each) => sum + each, 0) / jobs / batch / multiplyAdds;
  };
  const beside = await perMultiplyAdd(workers, 1);
  const alone = workers === 1 ? beside : await perMultiplyAdd(1, workers);
  const growth = growthOf(network, context);
  const available = run.contextFor({ ...settings, images: null }).counts.train;
  const question = { budget, settings, images: available, multiplyAdds, growth, workers, alone, beside };
  return { type: 'plan', budget, plan: planBudget({ ...question, elapsed: elapsed() }) };
}
