/**
 * Measures how long operations take in ONNX Runtime: f32, one image, one thread. Each is in a chain of convolutions, as in a network, so
 * that the runtime lays numbers out and joins operations as it does there; the difference of a long and a short chain is the operation
 * alone. Chains take turns, and medians count, since other processes disturb.
 */
import { join } from 'node:path';
import type { Deployed, Operation, Step } from '../../deploy/deployed.ts';
import { countOf } from '../../deploy/deployed.ts';
import { operatorTimesSchema, timedKernels, type Linear, type LinearName, type OperatorTimes } from '../../deploy/latency.ts';
import { processorModel } from '../../execution/resources.ts';
import { openRuntime, type Runtime } from '../../engine/onnx/runtime.ts';
import { encodeModel } from '../../formats/onnx/codec.ts';
import { inputName, writeDeployed } from '../../formats/onnx/write-network.ts';
import type { Shape } from '../../network/network.ts';
import { writeState } from '../../training/checkpoint.ts';
import { must } from '../../util/assert.ts';
import { makeFolders } from '../../util/files.ts';
import { sha256 } from '../../util/hash.ts';
import { median } from '../../util/numbers.ts';
import { isThere, readRunText } from '../../util/run-files.ts';
import { version } from '../../util/version.ts';

/** Widths of the table. */
const widths = [16, 32, 64, 128, 256] as const;
/** A convolution of more multiply-adds is not measured: its time a multiply-add is that of the next smaller one. */
const mostMultiplyAdds = 100e6;
/** Rounds of turns, and seconds of each turn at least. */
const rounds = 7;
const turnSeconds = 0.002;
const leastRuns = 3;
/** Convolutions in the short and in the long chain. */
const chains = [2, 6] as const;

/** A network that grows by operations. */
interface Chain {
  readonly shape: Shape;
  append(operation: Operation, shape: Shape, beside?: 'twice'): Chain;
  convolution(filters: number, kernel: number, groups?: number): Chain;
  readonly deployed: Deployed;
}

const zeros = (count: number): Float32Array => new Float32Array(count).fill(0.01);
const rectified = { least: 0, most: Infinity } as const;

function chainOf(image: Shape, steps: readonly Step[] = []): Chain {
  const last = steps.length;
  const shape = steps.at(-1)?.shape ?? image;
  const append: Chain['append'] = (operation, next, beside) => {
    const isSum = operation.kind === 'convolution';
    const step: Step = {
      output: last + 1,
      operation,
      inputs: beside === 'twice' ? [last, Math.max(0, last - 1)] : [last],
      bounds: isSum ? rectified : null,
      shape: next,
      node: last + 1,
    };
    return chainOf(image, [...steps, step]);
  };
  return {
    shape,
    append,
    convolution(filters, kernel, groups = 1) {
      const margin = (kernel - 1) / 2;
      const weights = zeros((filters * shape.channels * kernel ** 2) / groups);
      const margins = { top: margin, left: margin, bottom: margin, right: margin };
      const operation = {
        kind: 'convolution',
        filters,
        groups,
        weights,
        bias: zeros(filters),
        kernel,
        stride: 1,
        dilation: 1,
        margins,
      } as const;
      return append(operation, { ...shape, channels: filters });
    },
    deployed: { image, steps, output: last },
  };
}

const square = (channels: number, side: number): Shape => ({ channels, height: side, width: side });

/** Ends with few numbers, so that giving them back takes no time. */
const ended = (chain: Chain): Deployed =>
  chain.append({ kind: 'global-average-pool' }, { ...chain.shape, height: 1, width: 1 }).deployed;

/** A file and its input, timed in turns. */
interface Clock {
  /** Seconds of a run in this turn. */
  turn(): Promise<number>;
  close(): Promise<void>;
}

async function openClock({ library, open }: Runtime, deployed: Deployed): Promise<Clock> {
  const { channels, height, width } = deployed.image;
  const plain = Array.from({ length: channels }, () => 0.5);
  const file = encodeModel(writeDeployed(deployed, { mean: plain, std: plain, producerVersion: version, metadata: {} }));
  const session = await open(file);
  const pixels = new library.Tensor('uint8', new Uint8Array(countOf(deployed.image)).fill(100), [1, height, width, channels]);
  const run = async (): Promise<number> => {
    const begun = performance.now();
    await session.run({ [inputName]: pixels });
    return (performance.now() - begun) / 1000;
  };
  for (let index = 0; index < 2; index++) await run();
  return {
    async turn() {
      const times: number[] = [];
      const begun = performance.now();
      while (times.length < leastRuns || performance.now() - begun < 1000 * turnSeconds) times.push(await run());
      return median(times);
    },
    close: () => session.release(),
  };
}

/** Seconds of each network: the median over rounds in which all take turns. */
export async function timeInTurns(
  runtime: Runtime,
  networks: readonly Deployed[],
  signal?: AbortSignal,
): Promise<readonly number[]> {
  const clocks: Clock[] = [];
  try {
    for (const network of networks) clocks.push(await openClock(runtime, network));
    const found: number[][] = networks.map(() => []);
    for (let round = 0; round < rounds; round++)
      for (const [at, clock] of clocks.entries()) {
        signal?.throwIfAborted();
        must(found[at], 'times').push(await clock.turn());
      }
    return found.map(median);
  } finally {
    for (const clock of clocks) await clock.close();
  }
}

/** Below what a clock tells. */
const leastSeconds = 1e-7;

/** Seconds of what the long networks have once more, for each pair. */
async function differences(
  runtime: Runtime,
  pairs: readonly { readonly short: Deployed; readonly long: Deployed; readonly more: number }[],
  signal: AbortSignal | undefined,
): Promise<readonly number[]> {
  const times = await timeInTurns(
    runtime,
    pairs.flatMap(({ short, long }) => [short, long]),
    signal,
  );
  return pairs.map(({ more }, at) =>
    Math.max(leastSeconds, (must(times[2 * at + 1], 'time') - must(times[2 * at], 'time')) / more),
  );
}

/** A chain of convolutions from a channels to b and back. */
function convolutions(side: number, a: number, b: number, kernel: number, count: number): Deployed {
  let chain = chainOf(square(3, side)).convolution(a, 1);
  for (let at = 0; at < count; at++) chain = chain.convolution(at % 2 === 0 ? b : a, kernel);
  return ended(chain);
}

const pairOf = (side: number, a: number, b: number, kernel: number) => ({
  short: convolutions(side, a, b, kernel, chains[0]),
  long: convolutions(side, a, b, kernel, chains[1]),
  more: chains[1] - chains[0],
});

/** Seconds a multiply-add, by kernel, side, narrower and wider. */
async function convolutionRates(runtime: Runtime, sides: readonly number[], signal: AbortSignal | undefined) {
  const rates: Record<string, number[][][]> = {};
  for (const kernel of timedKernels) {
    const ofKernel: number[][][] = [];
    for (const side of sides) {
      const costOf = (a: number, b: number): number => side ** 2 * a * b * kernel ** 2;
      const measured = widths.flatMap((a) =>
        widths.filter((b) => b >= a && costOf(a, b) <= mostMultiplyAdds).map((b) => ({ a, b })),
      );
      const times = await differences(
        runtime,
        measured.map(({ a, b }) => pairOf(side, a, b, kernel)),
        signal,
      );
      const known = new Map(measured.map(({ a, b }, at) => [`${a} ${b}`, must(times[at], 'time') / costOf(a, b)]));
      let last = must([...known.values()].at(-1) ?? ofKernel.at(-1)?.at(-1)?.at(-1), 'a convolution that is small enough');
      ofKernel.push(widths.map((a) => widths.map((b) => (last = known.get(`${Math.min(a, b)} ${Math.max(a, b)}`) ?? last))));
    }
    rates[kernel] = ofKernel;
  }
  return rates;
}

/** To what the runtime pads channels: 24 of them cost as much as 32 where it pads to 16, and nine sixteenths where it does not. */
async function blockOf(runtime: Runtime, signal: AbortSignal | undefined): Promise<number> {
  const [some, all] = await differences(runtime, [pairOf(32, 24, 24, 3), pairOf(32, 32, 32, 3)], signal);
  return must(some, 'time') / must(all, 'time') > 0.78 ? 16 : 8;
}

/** A chain with and without an operation; and its numbers as `deploy/latency.ts` counts them. */
interface Linearly {
  readonly numbers: (side: number, channels: number) => number;
  readonly without: (side: number, channels: number) => Chain;
  /** What is there in addition, so many times. */
  readonly times: number;
  readonly with: (chain: Chain) => Chain;
}

const begun = (side: number, channels: number): Chain =>
  chainOf(square(3, side)).convolution(channels, 1).convolution(channels, 3);
const elements = (side: number, channels: number): number => side ** 2 * channels;
const affineOf = (channels: number): Operation => ({
  kind: 'affine',
  scale: zeros(channels),
  mean: zeros(channels),
  shift: zeros(channels),
});
const pooled = (chain: Chain): Chain =>
  chain.append(
    { kind: 'max-pool', kernel: 3, stride: 1, dilation: 1, margins: { top: 1, left: 1, bottom: 1, right: 1 } },
    chain.shape,
  );
const linearly: { readonly [Name in Exclude<LinearName, 'image' | 'dense'>]: Linearly } = {
  depthwise: {
    times: 4,
    numbers: (side, channels) => elements(side, channels) * 9,
    without: begun,
    with: (chain) => chain.convolution(chain.shape.channels, 3, chain.shape.channels),
  },
  'max-pool': { times: 4, numbers: (side, channels) => elements(side, channels) * 9, without: begun, with: pooled },
  affine: {
    times: 4,
    numbers: elements,
    // Behind a convolution it would be joined.
    without: (side, channels) => pooled(begun(side, channels)),
    with: (chain) => chain.append(affineOf(chain.shape.channels), chain.shape),
  },
  sum: {
    times: 4,
    numbers: (side, channels) => 2 * elements(side, channels),
    without: (side, channels) => begun(side, channels).convolution(channels, 3),
    with: (chain) => chain.append({ kind: 'sum', shares: [1, 1] }, chain.shape, 'twice'),
  },
  concat: {
    times: 1,
    numbers: (side, channels) => 2 * elements(side, channels),
    without: (side, channels) => begun(side, channels).convolution(channels, 3),
    with: (chain) => chain.append({ kind: 'concat' }, { ...chain.shape, channels: 2 * chain.shape.channels }, 'twice'),
  },
  other: {
    times: 4,
    numbers: elements,
    without: begun,
    with: (chain) => chain.append({ kind: 'activation', function: { name: 'silu' } }, chain.shape),
  },
};

/** Seconds of two sizes as a line. */
function lineThrough([small, less]: readonly [number, number], [large, more]: readonly [number, number]): Linear {
  const each = Math.max(0, (more - less) / (large - small));
  return { fixed: Math.max(0, less - each * small), each };
}

/** Channels of what is linear, and its sides. */
const linearChannels = 64;
const linearSides = [8, 32] as const;

async function linearTimes(runtime: Runtime, signal: AbortSignal | undefined): Promise<OperatorTimes['linear']> {
  const rows = Object.entries(linearly) as [keyof typeof linearly, Linearly][];
  const [small, large] = linearSides;
  const times = await differences(
    runtime,
    rows.flatMap(([, row]) =>
      linearSides.map((side) => {
        const without = row.without(side, linearChannels);
        const all = Array.from({ length: row.times }).reduce<Chain>((chain) => row.with(chain), without);
        return { short: ended(without), long: ended(all), more: row.times };
      }),
    ),
    signal,
  );
  const found = rows.map(([name, { numbers }], at) => {
    const [less, more] = [must(times[2 * at], 'time'), must(times[2 * at + 1], 'time')];
    return [name, lineThrough([numbers(small, linearChannels), less], [numbers(large, linearChannels), more])] as const;
  });
  const image = linearSides.map((side) => ended(chainOf(square(3, side))));
  const features = [64, 512].map((count) => {
    const pooling = chainOf(square(3, 8)).convolution(256, 1).append({ kind: 'global-average-pool' }, square(256, 1));
    const weights = zeros(256 * count);
    return pooling.append({ kind: 'dense', features: count, weights, bias: zeros(count) }, square(count, 1)).deployed;
  });
  const [ofSmall, ofLarge, few, many] = (await timeInTurns(runtime, [...image, ...features], signal)) as [
    number,
    number,
    number,
    number,
  ];
  const each = Math.max(0, (many - few) / (256 * (512 - 64)));
  return {
    ...(Object.fromEntries(found) as Record<keyof typeof linearly, Linear>),
    image: lineThrough([3 * small ** 2, ofSmall], [3 * large ** 2, ofLarge]),
    dense: { fixed: 0, each },
  };
}

/** Sides that cover images of that size: 2, 4, 8, … up to it. */
function sidesFor({ height, width }: Pick<Shape, 'height' | 'width'>): readonly number[] {
  const most = Math.max(8, Math.max(height, width));
  return Array.from({ length: Math.ceil(Math.log2(most)) }, (_none, at) => 2 ** (at + 1));
}

/** What the times are of. */
const machineOf = (runtime: Runtime): string => `ONNX Runtime ${runtime.version}, f32, one thread, ${processorModel()}`;

export interface TimingOptions {
  /** Where the table is kept and found again. */
  readonly cacheFolder: string;
  readonly image: Pick<Shape, 'height' | 'width'>;
  readonly signal?: AbortSignal | undefined;
  /** Called before anything is measured. */
  readonly onMeasuring?: () => void;
}

export async function measureOperators(
  runtime: Runtime,
  image: TimingOptions['image'],
  signal?: AbortSignal,
): Promise<OperatorTimes> {
  const sides = sidesFor(image);
  // A processor that was idle is slow at first.
  await blockOf(runtime, signal);
  return {
    of: machineOf(runtime),
    block: await blockOf(runtime, signal),
    sides: [...sides],
    widths: [...widths],
    convolutions: await convolutionRates(runtime, sides, signal),
    linear: await linearTimes(runtime, signal),
  };
}

/** Undefined where it is no JSON: then it is measured again. */
function valueIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The table of this machine: measured once, then from the cache. */
export async function operatorTimes({ cacheFolder, image, signal, onMeasuring }: TimingOptions): Promise<OperatorTimes> {
  const runtime = await openRuntime('cpu', 1);
  const folder = join(cacheFolder, 'operator-times');
  const key = JSON.stringify({ version: 1, of: machineOf(runtime), sides: sidesFor(image) });
  const path = join(folder, `${sha256(key).slice(0, 32)}.json`);
  if (isThere(path)) {
    const kept = operatorTimesSchema.safeParse(valueIn(readRunText(path).toString('utf8')));
    if (kept.success) return kept.data;
  }
  onMeasuring?.();
  const found = await measureOperators(runtime, image, signal);
  makeFolders(folder);
  await writeState(path, `${JSON.stringify(found)}\n`);
  return found;
}
