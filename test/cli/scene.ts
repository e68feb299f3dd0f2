/** A run by hand, as its events: what the display and the lines are drawn from. */
import type { Config } from '../../src/run/record/config.ts';
import type { Entry, Progress } from '../../src/run/record/events.ts';
import { presets } from '../../src/search/settings.ts';
import { vanillaNetwork } from '../../src/network/vanilla.ts';
import type { Edit } from '../../src/morphism/edit.ts';
import { emptyView, observe, type View } from '../../src/run/display/view.ts';

const shape = { channels: 1, height: 28, width: 28 };
const classes = Array.from({ length: 10 }, (_none, index) => String(index));

/** 54 minibatches of 100 an epoch, 60 with the validation images. */
export const config: Config = {
  format: 1,
  instar: '0.1.0',
  node: '20.20.2',
  platform: 'linux x64',
  preset: 'quick',
  settings: {
    ...presets.quick,
    widths: [8, 16],
    images: null,
    batch: 100,
    baseline: true,
    limits: { ...presets.quick.limits, steps: 2 },
    final: { epochs: 10, rate: 0.025 },
  },
  data: {
    reference: 'digits',
    imageSize: null,
    folder: null,
    path: '/cache/digits.safetensors',
    hash: '0'.repeat(64),
    name: 'digits',
    classes,
    shape,
    mean: [0.5],
    std: [0.25],
    trainImages: 6000,
    testImages: 1000,
  },
  from: null,
  vanilla: null,
  engine: { name: 'onednn', device: 'cpu', convolution: 'auto', version: '2.6.3', instructionSet: 'avx512_core' },
  workers: 2,
  budget: null,
};

const network = vanillaNetwork(shape, 10, config.settings.widths);
const checkpoint = 'a'.repeat(64);

let n = 0;
type Bare = Entry extends infer E ? (E extends Entry ? Omit<E, 'n' | 't' | 'at'> : never) : never;
const at = (t: number, event: Bare): Entry => ({ n: n++, t, at: '2026-01-01T00:00:00.000Z', ...event }) as Entry;

const task = (t: number, id: string, threads = 1): Entry =>
  at(t, { type: 'task', task: id, line: id.split('/')[0] ?? id, threads });

const epoch = (t: number, id: string, done: number, number: number, loss: number, accuracy: number | null): Entry =>
  at(t, {
    type: 'epoch',
    line: id.split('/')[0] ?? id,
    task: id,
    done,
    epoch: number,
    loss,
    validation: accuracy === null ? null : { loss, accuracy },
    checkpoint,
  });

export const progress = (id: string, done: number, count: number, loss: number): Progress => ({
  type: 'progress',
  task: id,
  line: id.split('/')[0] ?? id,
  done,
  count,
  loss,
  peak: 2 ** 28,
});

const child = (
  line: string,
  edits: Edit[],
  parameters: number,
  multiplyAdds: number,
): {
  line: string;
  edits: Edit[];
  parameters: number;
  multiplyAdds: number;
} => ({ line, edits, parameters, multiplyAdds });

/** With the active seconds at which each was heard. */
export const items: readonly { readonly name: string; readonly t: number; readonly item: Entry | Progress }[] = [
  ['begun', 0, at(0, { type: 'run', format: 1, instar: '0.1.0' })],
  [
    '',
    0.2,
    at(0.2, { type: 'vanilla', network: { nodes: network.nodes.map((node) => ({ ...node, inputs: [...node.inputs] })) } }),
  ],
  ['', 0.3, task(0.3, 'vanilla', 2)],
  ['', 2, progress('vanilla', 20, 216, 2.1)],
  ['', 4, epoch(4, 'vanilla', 54, 1, 1.9, 0.41)],
  ['vanilla', 6, progress('vanilla', 81, 216, 1.5)],
  ['', 8, epoch(8, 'vanilla', 108, 2, 1.4, 0.58)],
  ['', 12, epoch(12, 'vanilla', 162, 3, 1.2, 0.66)],
  ['', 16, epoch(16, 'vanilla', 216, 4, 1.1, 0.712)],
  [
    '',
    16,
    at(16, {
      type: 'step',
      step: 1,
      parent: 'vanilla',
      children: [
        child('s1c0', [], 1418, 290_000),
        child('s1c1', [{ kind: 'alter-channels', node: 1, factor: 2 }], 2658, 580_000),
        child(
          's1c2',
          [
            { kind: 'insert-convolution', after: 3, kernel: 5 },
            { kind: 'split', node: 3, alpha: 0.3 },
          ],
          3034,
          1_540_000,
        ),
        child('s1c3', [{ kind: 'insert-convolution', after: 3, kernel: 3 }], 2002, 750_000),
      ],
    }),
  ],
  ['', 16, task(16, 's1c0/0')],
  ['', 16, task(16, 's1c1/0')],
  ['', 18, at(18, { type: 'grown', line: 's1c1', certificate: { evaluation: 1e-6, training: 1e-3 } })],
  ['rung', 20, progress('s1c1/0', 27, 54, 1.3)],
  ['half a rung', 21, epoch(21, 's1c0/0', 54, 1, 1.0, 0.72)],
  ['', 23, epoch(23, 's1c1/0', 54, 1, 1.05, 0.71)],
  ['', 23, task(23, 's1c2/0')],
  ['', 23, task(23, 's1c3/0')],
  [
    '',
    25,
    at(25, {
      type: 'failed',
      line: 's1c2',
      task: 's1c2/0',
      failure: 'diverged',
      message: 'the loss became NaN at minibatch 7',
      retried: false,
    }),
  ],
  ['', 28, epoch(28, 's1c3/0', 54, 1, 0.98, 0.74)],
  ['', 28, at(28, { type: 'rung', step: 1, rung: 0, survivors: ['s1c3', 's1c0'], dropped: ['s1c1'] })],
  ['', 28, task(28, 's1c3/1')],
  ['', 30, progress('s1c3/1', 30, 108, 0.95)],
  [
    '',
    31,
    at(31, {
      type: 'exported',
      line: 'vanilla',
      checkpoint,
      problem: null,
      verified: {
        file: 'b'.repeat(64),
        bytes: 14_200,
        part: 'validation',
        images: 600,
        difference: 2e-7,
        accuracy: 0.712,
        fileAccuracy: 0.712,
        agreement: 1,
        latency: { one: 0.05, batch: 2.1, size: 100, threads: 1 },
      },
    }),
  ],
  ['', 34, epoch(34, 's1c3/1', 54, 2, 0.93, 0.75)],
  ['second rung', 36, progress('s1c3/1', 81, 108, 0.9)],
  ['', 40, epoch(40, 's1c3/1', 108, 3, 0.9, 0.76)],
  ['', 41, task(41, 's1c0/1')],
  ['', 50, epoch(50, 's1c0/1', 108, 3, 0.95, 0.73)],
  ['', 50, at(50, { type: 'rung', step: 1, rung: 1, survivors: ['s1c3'], dropped: ['s1c0'] })],
  ['', 50, task(50, 's1c3/2', 2)],
  ['', 70, epoch(70, 's1c3/2', 216, 7, 0.8, 0.8)],
  ['', 70, at(70, { type: 'rung', step: 1, rung: 2, survivors: ['s1c3'], dropped: [] })],
  ['selected', 70, at(70, { type: 'selected', step: 1, line: 's1c3' })],
  ['', 70, at(70, { type: 'stop', reason: 'steps', line: 's1c3' })],
  ['', 70, at(70, { type: 'slice', line: 'final', rate: 0.025, from: 0, to: 1, count: 600, whole: true, restart: true })],
  ['', 70, task(70, 'final/0', 2)],
  ['', 80, epoch(80, 'final/0', 60, 1, 0.7, null)],
  ['final', 85, progress('final/0', 90, 600, 0.66)],
  ['', 160, epoch(160, 'final/0', 600, 10, 0.5, null)],
  ['', 160, task(160, 'final/test', 2)],
  [
    '',
    162,
    at(162, {
      type: 'test',
      line: 'final',
      reading: 1,
      measured: { loss: 0.55, accuracy: 0.842 },
      confusion: [],
    }),
  ],
  [
    'tested',
    162,
    at(162, { type: 'slice', line: 'baseline', rate: 0.01, from: 0, to: 1, count: 54, whole: false, restart: true }),
  ],
  ['', 170, at(170, { type: 'finished', line: 'final' })],
].map(([name, t, item]) => ({ name, t, item }) as { name: string; t: number; item: Entry | Progress });

/** The view after the item of that name, and when that is. */
export function viewAt(name: string): { view: View; now: number } {
  const last = items.findIndex((item) => item.name === name);
  return {
    view: items.slice(0, last + 1).reduce((view, { item, t }) => observe(view, item, t), emptyView),
    now: items[last]?.t ?? 0,
  };
}
