/**
 * Times of the jobs of real runs, read from their journals and kept as a small file, and times of simulated jobs. The seconds of a
 * network that was never trained are its multiply-adds times the measured time per multiply-add of some child.
 */
import { z } from 'zod';
import type { Counts } from '../src/search/counts.ts';
import { settingsSchema, type Settings } from '../src/search/settings.ts';
import { candidateOf } from '../src/search/state.ts';
import { plannedSettings } from '../src/run/planning/budget.ts';
import { readRun } from '../src/run/record/read.ts';
import { must } from '../src/util/assert.ts';
import type { Random } from '../src/util/random.ts';
import { mean } from './measure.ts';

const seconds = z.number().min(0);

const jobSchema = z.strictObject({
  /** `s1c3/0` */
  task: z.string(),
  line: z.string(),
  threads: z.int().min(1),
  /** Seconds from the assignment to a worker until the edits are applied; null without edits. */
  grown: seconds.nullable(),
  /** Seconds from the assignment to a worker to the end of each epoch, validation included. */
  epochs: z.array(z.strictObject({ end: seconds, loss: z.number(), accuracy: z.number() })),
});

const stepSchema = z.strictObject({
  step: z.int(),
  /** From the sampling of the step to its winner. */
  seconds,
  winner: z.string(),
  children: z.array(z.strictObject({ line: z.string(), multiplyAdds: z.int() })),
  jobs: z.array(jobSchema),
});

export const runTimesSchema = z.strictObject({
  run: z.string(),
  /** Engine, library, instruction set. */
  engine: z.string(),
  workers: z.int(),
  settings: settingsSchema,
  counts: z.strictObject({
    shape: z.strictObject({ channels: z.int(), height: z.int(), width: z.int() }),
    classes: z.int(),
    train: z.int(),
    validation: z.int(),
  }),
  steps: z.array(stepSchema),
});

export type Job = z.infer<typeof jobSchema>;
export type RunTimes = z.infer<typeof runTimesSchema>;

/** Rounded to milliseconds. */
const rounded = (value: number): number => Math.round(1000 * value) / 1000;

/** The jobs of the finished steps of a run. */
export function timesOf(name: string, root: string): RunTimes {
  const { config, replay, state } = readRun(root);
  const settings = plannedSettings(config.settings, state.plan);
  // Only whole minibatches are counted. The images of an incomplete last one are not known and make little difference.
  const perEpoch = must(
    replay.entries.find((entry) => entry.type === 'epoch' && entry.epoch === 1),
    'an epoch',
  );
  const train = perEpoch.type === 'epoch' ? perEpoch.done * settings.batch : 0;
  const steps = state.search.steps.flatMap(({ step, winner, children }) => {
    const begun = replay.entries.find((entry) => entry.type === 'step' && entry.step === step);
    const ended = replay.entries.find((entry) => entry.type === 'selected' && entry.step === step);
    if (begun === undefined || ended === undefined || winner === null) return [];
    const jobs: Job[] = [];
    for (const entry of replay.entries.slice(begun.n, ended.n)) {
      if (entry.type === 'task') {
        const given = entry.t;
        const own = replay.entries.slice(entry.n, ended.n);
        const epochs = own.flatMap((each) =>
          each.type === 'epoch' && each.task === entry.task && each.validation !== null
            ? [{ end: rounded(each.t - given), loss: each.validation.loss, accuracy: each.validation.accuracy }]
            : [],
        );
        const grown = own.find((each) => each.type === 'grown' && each.line === entry.line);
        const { task, line, threads } = entry;
        jobs.push({ task, line, threads, grown: grown === undefined ? null : rounded(grown.t - given), epochs });
      }
    }
    const costs = children.map((line) => ({ line, multiplyAdds: candidateOf(state.search, line).multiplyAdds }));
    return [{ step, seconds: rounded(ended.t - begun.t), winner, children: costs, jobs }];
  });
  const { name: engine, version, instructionSet } = config.engine;
  const { shape, classes } = config.data;
  const counts: Counts = { shape, classes: classes.length, train, validation: 0 };
  const free = { ...settings, limits: { ...settings.limits, memory: Number.MAX_SAFE_INTEGER } };
  return {
    run: name,
    engine: `${engine} ${version} (${instructionSet})`,
    workers: config.workers,
    settings: free,
    counts,
    steps,
  };
}

export interface Rates {
  /** Seconds of training per multiply-add and image, one value per measured child: one thread, validation included. */
  readonly children: readonly number[];
  /** The seconds of an epoch over the mean of its child's epochs. */
  readonly epochs: readonly number[];
  /** Seconds from the assignment to a worker to the first minibatch, for jobs with edits and without. */
  readonly grown: readonly number[];
  readonly going: readonly number[];
}

/** The rates of jobs with one thread. The first epoch of a job includes its start, so it is only used for the start. */
export function ratesOf({ settings, counts, steps }: Pick<RunTimes, 'settings' | 'counts' | 'steps'>): Rates {
  const images = Math.floor(counts.train / settings.batch) * settings.batch;
  const children: number[] = [];
  const epochs: number[] = [];
  const grown: number[] = [];
  const going: number[] = [];
  for (const { children: costs, jobs } of steps)
    for (const { line, multiplyAdds } of costs) {
      const own = jobs.filter((job) => job.line === line && job.threads === 1);
      const spans = own.map((job) => job.epochs.slice(1).map(({ end }, index) => end - must(job.epochs[index], 'epoch').end));
      const usual = mean(spans.flat());
      if (!(usual > 0)) continue;
      children.push(usual / (images * multiplyAdds));
      epochs.push(...spans.flat().map((span) => span / usual));
      for (const job of own) {
        const first = must(job.epochs[0], 'epoch').end;
        if (job.grown === null) going.push(Math.max(0, first - usual));
        else grown.push(job.grown);
      }
    }
  return { children, epochs, grown, going };
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

export interface MadeUp {
  /** Seconds. */
  readonly start: number;
  readonly epochs: readonly number[];
}

/**
 * Times of a simulated job. The rate of a child is sampled once; its epochs vary as measured ones do. The start is the median, since
 * starts are short and some were slowed down by other work. `child` and `job` are streams of random numbers.
 */
export function madeUp(
  rates: Rates,
  { images, multiplyAdds, isGrown, epochs }: { images: number; multiplyAdds: number; isGrown: boolean; epochs: number },
  child: Random,
  job: Random,
): MadeUp {
  const epoch = child.pick(rates.children) * images * multiplyAdds;
  return {
    start: median(isGrown ? rates.grown : rates.going),
    epochs: Array.from({ length: epochs }, () => epoch * job.pick(rates.epochs)),
  };
}

/** The paper's data: CIFAR-10. */
export const paperCounts = (settings: Settings): Counts => ({
  shape: { channels: 3, height: 32, width: 32 },
  classes: 10,
  train: Math.round(50_000 * (1 - settings.validation)),
  validation: Math.round(50_000 * settings.validation),
});
