/**
 * Certificates of children after random chains of mutations: trained parents, images of several sizes, all six operators. The
 * numbers are measured by the same code as in a run.
 */
import { allBytes } from '../../src/data/images.ts';
import { createBatcher } from '../../src/data/batches.ts';
import { datasetOf, type Dataset, type Part } from '../../src/data/dataset.ts';
import { splitDataset } from '../../src/data/split.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { sampleEdits } from '../../src/morphism/mutate.ts';
import { paperOperatorsWithSeparable } from '../../src/morphism/operators.ts';
import { countMultiplyAdds, countParameters } from '../../src/network/cost.ts';
import type { Network, Shape } from '../../src/network/network.ts';
import { initialTensors } from '../../src/network/parameters.ts';
import { vanillaNetwork } from '../../src/network/vanilla.ts';
import { lower } from '../../src/program/lower.ts';
import { certify, grow, type Grown, type Images } from '../../src/training/grow.ts';
import type { Certificate } from '../../src/training/job.ts';
import { must } from '../../src/util/assert.ts';
import { random, type Random } from '../../src/util/random.ts';

/** The central `side`×`side` pixels of each image; smaller images are padded with black. */
function resized(dataset: Dataset, side: number, count: number): Dataset {
  const { channels, height, width } = dataset.shape;
  const part = ({ images, labels }: Part): Part => {
    const kept = Math.min(count, labels.length);
    const pixels = allBytes(images);
    const out = new Uint8Array(kept * channels * side * side);
    const [top, left] = [Math.floor((height - side) / 2), Math.floor((width - side) / 2)];
    for (let plane = 0; plane < kept * channels; plane++)
      for (let y = Math.max(0, -top); y < Math.min(side, height - top); y++)
        for (let x = Math.max(0, -left); x < Math.min(side, width - left); x++)
          out[(plane * side + y) * side + x] = pixels[(plane * height + y + top) * width + x + left] as number;
    return { images: out, labels: labels.slice(0, kept) };
  };
  const { classes, flip } = dataset;
  const shape = { channels, height: side, width: side };
  return datasetOf(`${dataset.name} ${side}`, 'memory', {
    classes,
    shape,
    flip,
    train: part(dataset.train),
    test: part(dataset.test),
    mean: [0.286],
    std: [0.353],
  });
}

/** The vanilla network, or another, trained for some epochs with all augmentations. */
export async function trainedParent(
  engine: Engine,
  whole: Dataset,
  side: number,
  seed: number,
  make: (shape: Shape, classes: number) => Network = (shape, classes) => vanillaNetwork(shape, classes, [8, 16, 24]),
): Promise<{ parent: Grown; images: Images }> {
  const batch = 128;
  const dataset = resized(whole, side, 4096);
  const batcher = createBatcher(dataset, { flip: true, normalise: true, shift: 0.125, cutout: 0.5, mixup: 1 }, batch);
  const images = { dataset, batcher, batch, ...splitDataset(dataset, { validation: 0.1 }) };
  const network = make(dataset.shape, dataset.classes.length);
  const program = lower(network, batch, { kind: 'training', learning: { momentum: 0.9, weightDecay: 5e-4 } });
  const session = await engine.compile(program, 'auto');
  session.load(initialTensors(network, random('parent', seed)));
  const perEpoch = Math.floor(images.train.length / batch);
  for (let index = 0; index < 4 * perEpoch; index++) {
    const epoch = Math.floor(index / perEpoch);
    const order = random('order', seed, epoch)
      .permutation(images.train.length)
      .map((position) => images.train[position] as number);
    const stream = random('batch', seed, index);
    batcher.fillTraining(
      order,
      (index % perEpoch) * batch,
      stream,
      session.input(program.images),
      session.input(must(program.labels, 'labels')),
    );
    session.input(must(program.rate, 'rate'))[0] = 0.05;
    await session.run();
  }
  const tensors = session.save();
  session.dispose();
  return {
    parent: { network, tensors: Object.fromEntries(Object.entries(tensors).filter(([name]) => !name.endsWith('/velocity'))) },
    images,
  };
}

const still = (): Promise<void> => Promise.resolve();

export interface Chain {
  readonly depth: number;
  readonly operators: string;
  readonly certificate: Certificate;
}

/** The certificate of a child of 1 to 20 mutations. `spoil` may damage the child first. */
export async function chain(
  engine: Engine,
  parent: Grown,
  images: Images,
  stream: Random,
  spoil: (child: Grown) => Grown = (child) => child,
): Promise<Chain> {
  const limits = {
    maxChannels: 600,
    admits: (network: Grown['network']) => countParameters(network) <= 300_000 && countMultiplyAdds(network) <= 3_000_000,
  };
  const depth = 1 + stream.fork('depth').integer(20);
  const { edits } = sampleEdits(
    parent.network,
    { operators: paperOperatorsWithSeparable, mutations: depth, limits },
    stream.fork('draw'),
  );
  const child = spoil(await grow(engine, parent, edits, images, stream.fork('grow'), still));
  return {
    depth: edits.length,
    operators: edits.map((edit) => edit.kind).join(' '),
    certificate: await certify(engine, parent, child, images, stream.fork('certify'), still),
  };
}
