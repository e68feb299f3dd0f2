/**
 * The speed-up from more workers: the paper's step on 1 to 64 workers, simulated with measured job times.
 *
 *   npm run bench:simulate [-- --overhead 0.9] [--seeds 10] [--steps 3]
 *   npm run bench:simulate -- --measure NAME=RUN …      first reads job times from runs into results/job-times.json
 *
 * Writes results/cluster-simulation.md and docs/cluster.svg. It measures nothing itself, so the results are the same on all machines.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { svgFile } from '../src/report/figure.ts';
import { minibatchesPerEpoch, type Context } from '../src/search/next.ts';
import { sampleStep } from '../src/search/sampling.ts';
import { formatRungs, rungsFor } from '../src/search/rungs.ts';
import { mergeSettings, presets, type Settings } from '../src/search/settings.ts';
import { methods, type MethodName } from '../src/search/methods/table.ts';
import { must } from '../src/util/assert.ts';
import { random } from '../src/util/random.ts';
import { clusterFigure, type Curve } from './cluster-figure.ts';
import { madeUp, paperCounts, ratesOf, runTimesSchema, timesOf, type RunTimes } from './job-times.ts';
import { mean } from './measure.ts';
import { busyShare, simulateSteps, type SimulatedStep, type World } from './simulated-search.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    measure: { type: 'boolean', default: false },
    overhead: { type: 'string', default: '0.9' },
    seeds: { type: 'string', default: '10' },
    steps: { type: 'string', default: '3' },
  },
});

const file = 'results/job-times.json';
if (values.measure) {
  const runs = positionals.map((text) => {
    const [name = '', root = ''] = text.split('=');
    return JSON.stringify(timesOf(name, root));
  });
  writeFileSync(file, `[\n${runs.join(',\n')}\n]\n`);
}
const measured: readonly RunTimes[] = z.array(runTimesSchema).parse(JSON.parse(readFileSync(file, 'utf8')));
// The rates are from the first run. The others are compared with the simulation.
const source = must(measured[0], 'a run');
const rates = ratesOf(source);
const overhead = Number(values.overhead);
const seeds = Array.from({ length: Number(values.seeds) }, (_none, index) => index + 1);
const steps = Number(values.steps);
const workers = [1, 2, 4, 8, 16, 32, 64] as const;

/** Which children survive a rung: random ones, or always those with the most multiply-adds. */
type Winners = 'any' | 'largest';

function worldOf(settings: Settings, workersOf: number, stepCount: number, winners: Winners): World {
  const context: Context = { settings, counts: paperCounts(settings), passesFor: () => 1, startStep: sampleStep };
  const perEpoch = minibatchesPerEpoch(context, false);
  const { seed } = settings;
  return {
    context,
    cores: { workers: workersOf, threads: 1 },
    steps: stepCount,
    work({ id, start, minibatches }, { id: candidate, multiplyAdds }) {
      const job = {
        images: perEpoch * settings.batch,
        multiplyAdds,
        isGrown: start.edits.length > 0,
        epochs: minibatches.count / perEpoch,
      };
      const made = madeUp(rates, job, random(seed, 'rate', candidate), random(seed, 'epochs', id));
      return { start: overhead + made.start, epochs: made.epochs };
    },
    measured: ({ id, multiplyAdds }, epoch) => ({
      loss: 1,
      accuracy: winners === 'any' ? random(seed, 'accuracy', id, epoch).float() : multiplyAdds / 1e12,
    }),
  };
}

interface Row {
  readonly cores: number;
  readonly hours: number;
  readonly speedup: number;
  readonly busy: number;
}

/** What is simulated of a step: which of its children go on, how often, and on how many workers; one of them to compare with. */
interface Extent {
  readonly winners: Winners;
  readonly steps: number;
  readonly seeds: readonly number[];
  readonly workers: readonly number[];
}

const everything: Extent = { winners: 'any', steps, seeds, workers };

interface Simulated {
  readonly settings: Settings;
  readonly rows: readonly Row[];
  readonly seeds: number;
  /** Of the first seed, by workers. */
  readonly shown: ReadonlyMap<number, readonly SimulatedStep[]>;
}

function simulateAll(settings: Settings, extent: Partial<Extent> = {}): Simulated {
  const { winners, steps: count, seeds: own, workers: counts } = { ...everything, ...extent };
  const found = counts.map((cores) => ({ cores, hours: [] as number[], speedups: [] as number[], busy: [] as number[] }));
  const shown = new Map<number, readonly SimulatedStep[]>();
  for (const seed of own) {
    const seeded = { ...settings, seed };
    const alone = simulateSteps(worldOf(seeded, 1, count, winners));
    const known = new Map(alone.map((step) => [step.event.step, step]));
    for (const { cores, hours, speedups, busy } of found) {
      const all = cores === 1 ? alone : simulateSteps(worldOf(seeded, cores, count, winners), known);
      if (seed === own[0]) shown.set(cores, all);
      all.forEach((step, index) => {
        hours.push(step.seconds / 3600);
        speedups.push(must(alone[index], 'step').seconds / step.seconds);
        busy.push(busyShare(step, { workers: cores, threads: 1 }));
      });
    }
  }
  const rows = found.map(({ cores, hours, speedups, busy }) => ({
    cores,
    hours: mean(hours),
    speedup: mean(speedups),
    busy: mean(busy),
  }));
  return { settings, rows, seeds: own.length, shown };
}

const stepsOf = (method: MethodName, step: Partial<Settings['step']> = {}): Settings =>
  mergeSettings(presets.paper, { method, limits: { steps }, step: { ...presets.paper.step, ...step } });

/** Epochs of the winner in a step. A step cannot be shorter than these. */
const pathOf = (settings: Settings): number => rungsFor(settings).reduce((sum, { epochs }) => sum + epochs, 0);
const row = (cells: readonly (string | number)[]): string => `| ${cells.join(' | ')} |`;
const table = (head: readonly string[], rows: readonly (readonly (string | number)[])[]): string =>
  [row(head), row(head.map(() => '---')), ...rows.map(row)].join('\n');
const at = ({ rows }: Simulated, cores: number): Row =>
  must(
    rows.find((each) => each.cores === cores),
    `${cores} workers`,
  );
const times = (value: number): string => value.toFixed(value < 10 ? 2 : 1);
const share = (value: number): string => `${(100 * value).toFixed(0)} %`;

const paperMethods = ['nash', 'sh', 'shr', 'shrsep'] as const;
const byMethod = paperMethods.map((method) => simulateAll(stepsOf(method)));
const largest = paperMethods.map((method) => simulateAll(stepsOf(method), { winners: 'largest' }));

/** As in the paper, a child of the first rung trains for 20 epochs with hill climbing, and 5 with halving. */
const more = ([16, 32, 64] as const).flatMap((children) => {
  const rungs = Math.log2(children) + 1;
  return [
    simulateAll(stepsOf('nash', { children, epochs: 20 * children })),
    simulateAll(stepsOf('shr', { children, epochs: 5 * rungs * children })),
  ];
});
/** The workers that the tables of many children show. */
const shownWorkers = [8, 16, 64] as const;

/** 64 children in about the time of the paper's eight: fewer epochs to begin with, and fewer rungs. */
const quick = [
  simulateAll(stepsOf('shr', { children: 64, epochs: 7 * 64 }), { workers: shownWorkers }),
  simulateAll(stepsOf('shr', { children: 64, epochs: 4 * 64, eta: 4 }), { workers: shownWorkers }),
  simulateAll(stepsOf('shr', { children: 64, epochs: 3 * 64, eta: 8 }), { workers: shownWorkers }),
];

/** The first rung as long as the paper's, of steps whose children are all of one parent. Of the largest steps two seeds, for time. */
const asynchronous = ([8, 64, 128, 256, 512, 1024] as const).map((children) => {
  const step = { ...presets.paper.step, children };
  const own = seeds.slice(0, children > 128 ? 2 : seeds.length);
  const settings = stepsOf('asha', { children, epochs: 5 * methods.asha.fewestEpochs(step) });
  return simulateAll(settings, { steps: 1, seeds: own, workers: shownWorkers });
});

const wordsOf = ({ settings }: Simulated): string => `${methods[settings.method].label} ${formatRungs(rungsFor(settings))}`;
const [nash, , shr] = byMethod;
const moreHead = [
  'step',
  'children',
  'path, epochs',
  ...shownWorkers.map((cores) => `${cores} workers`),
  'work on 64',
  'hours on 64',
  'children a day on 64',
];
const rowsOf = (simulated: readonly Simulated[]): (string | number)[][] =>
  simulated.map((each) => {
    const last = at(each, 64);
    return [
      wordsOf(each),
      each.settings.step.children,
      pathOf(each.settings),
      ...shownWorkers.map((cores) => times(at(each, cores).speedup)),
      share(last.busy),
      last.hours.toFixed(1),
      ((24 * each.settings.step.children) / last.hours).toFixed(1),
    ];
  });

const page = `# More workers, by simulation

\`npm run bench:simulate\`. Steps of the paper's search (preset \`paper\`: CIFAR-10, 45,000 images to train on, the first ${steps} steps of ${seeds.length}
seeds) on workers of one core, one job each. The decisions and the sampled children are those of a search. The time of a child's epoch is
its multiply-adds times the time per multiply-add of one of ${rates.children.length} measured children
(${(1e9 * Math.min(...rates.children)).toFixed(3)} to ${(1e9 * Math.max(...rates.children)).toFixed(3)} ns, ${source.engine}, one thread, validation included, beside other work). Each job also takes ${overhead} s in
the queue, and the time of its start. Job times: \`results/job-times.json\`. Accuracies are random.

## The paper's step

Speed-up over one worker; in brackets, the share of time in which the workers work.

${table(
  ['method', 'hours on one', ...[2, 4, 8, 64].map((cores) => `${cores} workers`), '8, if the largest always win'],
  byMethod.map((each, index) => [
    wordsOf(each),
    at(each, 1).hours.toFixed(1),
    ...[2, 4, 8, 64].map((cores) => `${times(at(each, cores).speedup)} (${share(at(each, cores).busy)})`),
    times(at(must(largest[index], 'method'), 8).speedup),
  ]),
)}

## More children

First, steps whose first rung is as long as the paper's; then three ways to train 64 children in less time. The path is the number of
epochs of the winner.

${table(moreHead, rowsOf([must(nash, 'NASH'), must(shr, 'SHR'), ...more, ...quick]))}

## Without a barrier

Asynchronous successive halving (\`--method asha\`): an idle worker promotes the best candidate that may be promoted, else starts a new
child. The first step of as many seeds as the last column says: fewer of the largest steps, which take longest to simulate.

${table(
  [...moreHead, 'seeds'],
  rowsOf(asynchronous).map((cells, index) => [...cells, must(asynchronous[index], 'a simulation').seeds]),
)}
`;
writeFileSync('results/cluster-simulation.md', page);

const curve = (name: string, className: string, { rows }: Simulated): Curve => ({
  name,
  className,
  points: rows.map(({ cores, speedup }) => ({ x: cores, y: speedup })),
});
const find = (method: MethodName, children: number): Simulated =>
  must(
    [...byMethod, ...more].find(({ settings }) => settings.method === method && settings.step.children === children),
    'a simulation',
  );
const eight = must(find('shr', 8).shown.get(8)?.[0], 'a step');
const figure = clusterFigure(
  [curve('NASH', 'second', find('nash', 8)), curve('SH, SHR, SHRsep', 'won', find('shr', 8))],
  [
    curve('NASH, 64', 'second', find('nash', 64)),
    curve('NASH, 16', 'second dashed', find('nash', 16)),
    curve('SHR, 64', 'won', find('shr', 64)),
    curve('SHR, 16', 'won dashed', find('shr', 16)),
  ],
  eight,
  8,
);
writeFileSync('docs/cluster.svg', svgFile(figure));
console.log(page);
