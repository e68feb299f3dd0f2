/**
 * The vanilla network with the paper's settings (§4.1: 20 epochs at 0.01, all augmentations, 45,000/5,000 images of CIFAR-10)
 * over several seeds, against the PyTorch reference: training loss and clean validation accuracy of epochs 16 to 20.
 *
 *   node dist/bench/vanilla.js --data DIR [--seeds 3] [--workers 2] [--out results/vanilla]
 *
 * Continues an earlier call that was stopped.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { parseArgs } from 'node:util';
import { readDataset } from '../src/data/read.ts';
import { createPool } from '../src/execution/pool.ts';
import { vanillaNetwork } from '../src/network/vanilla.ts';
import { cacheFolder } from '../src/run/preparing/begin.ts';
import { presets } from '../src/search/settings.ts';
import { splitDataset } from '../src/data/split.ts';
import { deviation, mean } from './measure.ts';
import type { EngineReference, Report, TrainingJob } from '../src/training/job.ts';

interface Run {
  checkpoint: string | null;
  done: number;
  losses: number[];
  accuracies: number[];
  test: number | null;
}

/** PyTorch 1.13, the same settings, one seed: means of epochs 16 to 20. */
const reference = { loss: 1.535, accuracy: 0.668 };

const { values } = parseArgs({
  options: {
    data: { type: 'string' },
    seeds: { type: 'string', default: '3' },
    workers: { type: 'string', default: '2' },
    out: { type: 'string', default: 'results/vanilla' },
    checkpoints: { type: 'string', default: '.cache/vanilla' },
  },
});

const settings = presets.paper;
const { dataset, path } = await readDataset('cifar10', {
  cacheFolder: cacheFolder(),
  environment: process.env,
  ...(values.data === undefined ? {} : { dataFolder: values.data }),
});
const network = vanillaNetwork(dataset.shape, dataset.classes.length, settings.widths);
const perEpoch = Math.floor(splitDataset(dataset, { validation: settings.validation }).train.length / settings.batch);
const count = settings.vanilla.epochs * perEpoch;
const pool = createPool({ checkpoints: values.checkpoints, patience: 120 });
const engine: EngineReference = { name: 'onednn', device: 'cpu', threads: 1, convolution: 'auto' };
const data = { path, hash: dataset.hash, images: null, validation: settings.validation };
const stateFile = `${values.out}.json`;
mkdirSync(dirname(stateFile), { recursive: true });
const runs: Record<string, Run> = existsSync(stateFile)
  ? (JSON.parse(readFileSync(stateFile, 'utf8')) as Record<string, Run>)
  : {};
const save = (): void => writeFileSync(stateFile, `${JSON.stringify(runs, null, 1)}\n`);
const never = new AbortController().signal;

async function train(seed: number): Promise<void> {
  const run = (runs[seed] ??= { checkpoint: null, done: 0, losses: [], accuracies: [], test: null });
  const job: TrainingJob = {
    kind: 'training',
    id: `vanilla ${seed}`,
    network,
    start: {
      from:
        run.checkpoint === null
          ? { kind: 'initial', key: [seed, 'vanilla', 'initial'] }
          : { kind: 'checkpoint', hash: run.checkpoint },
      edits: [],
      optimizerState: 'kept',
    },
    data,
    whole: false,
    batch: settings.batch,
    augmentation: settings.augmentation,
    learning: { momentum: settings.momentum, weightDecay: settings.weightDecay },
    schedule: { kind: 'constant', rate: settings.vanilla.rate },
    key: [seed, 'vanilla'],
    minibatches: { first: 0, count, done: run.done },
    engine,
  };
  const heard = (report: Report): void => {
    if (report.kind === 'epoch') {
      run.losses.push(report.loss);
      run.accuracies.push(report.validation?.accuracy ?? 0);
      run.checkpoint = report.checkpoint;
      run.done = report.done;
      save();
      console.log(
        `seed ${seed} epoch ${report.epoch}: loss ${report.loss.toFixed(3)}, validation ${(100 * (report.validation?.accuracy ?? 0)).toFixed(1)} %`,
      );
    }
    if (report.kind === 'evaluated') run.test = report.measured.accuracy;
  };
  const watch = { report: heard, started: (): void => undefined };
  if (run.done < count) await pool.run(job, watch, never);
  if (run.test === null && run.checkpoint !== null) {
    const { checkpoint } = run;
    const id = `test ${seed}`;
    const { batch } = settings;
    await pool.run(
      { kind: 'evaluation', id, network, checkpoint, data, part: 'test', normalise: true, batch, engine },
      watch,
      never,
    );
    save();
  }
}

const seeds = Array.from({ length: Number(values.seeds) }, (_none, index) => index + 1);
const waiting = [...seeds];
await Promise.all(
  Array.from({ length: Number(values.workers) }, async () => {
    for (let seed = waiting.shift(); seed !== undefined; seed = waiting.shift()) await train(seed);
  }),
);
pool.close();

const last = (numbers: readonly number[] | undefined): number => mean((numbers ?? []).slice(15, 20));
const losses = seeds.map((seed) => last(runs[seed]?.losses));
const accuracies = seeds.map((seed) => last(runs[seed]?.accuracies));
const tests = seeds.map((seed) => runs[seed]?.test ?? 0);
const rows = seeds.map(
  (seed, index) =>
    `| ${seed} | ${losses[index]?.toFixed(4)} | ${(100 * (accuracies[index] ?? 0)).toFixed(1)} % | ${(100 * (tests[index] ?? 0)).toFixed(1)} % |`,
);
const text = `# The vanilla network on CIFAR-10

\`node dist/bench/vanilla.js --seeds ${seeds.length}\`: the paper's settings, 20 epochs, oneDNN, one thread each. Means of epochs 16 to 20.

| seed | training loss | clean validation accuracy | test accuracy after epoch 20 |
| --- | --- | --- | --- |
${rows.join('\n')}
| mean ± std | ${mean(losses).toFixed(4)} ± ${deviation(losses).toFixed(4)} | ${(100 * mean(accuracies)).toFixed(1)} ± ${(100 * deviation(accuracies)).toFixed(1)} % | ${(100 * mean(tests)).toFixed(1)} ± ${(100 * deviation(tests)).toFixed(1)} % |
| PyTorch 1.13, one seed | ${reference.loss} | ${(100 * reference.accuracy).toFixed(1)} % | 69.3 % |

Loss over the reference: ${((100 * mean(losses)) / reference.loss - 100).toFixed(2)} %. Accuracy minus the reference: ${(100 * (mean(accuracies) - reference.accuracy)).toFixed(1)} points.
`;
writeFileSync(`${values.out}.md`, text);
console.log(text);
