/** How the pixels of a given network are scaled, where neither its file nor an option says it: found by trying, on training images. */
import { setImmediate } from 'node:timers/promises';
import { clean } from '../../data/augmentation/augmentation.ts';
import { createBatcher } from '../../data/batches.ts';
import { picked, type Dataset } from '../../data/dataset.ts';
import { usualScalings } from '../../data/pixel-scales.ts';
import { evenlySpaced, splitDataset } from '../../data/split.ts';
import type { Engine } from '../../engine/engine.ts';
import type { Settings } from '../../search/settings.ts';
import { createEvaluator } from '../../training/measure.ts';
import { assumedLine } from './given-pixels.ts';
import { affordable, batch, mostImages, type Prepared } from './origin.ts';
import { chooseScaling, likenessOf, type Tried } from './pixel-evidence.ts';

/** By their labels where its head was trained for their classes, else by its first layer. */
export async function withPixels(prepared: Prepared, engine: Engine, dataset: Dataset, settings: Settings): Promise<Prepared> {
  const { trained, headed, isTrained, normalisation, name } = prepared;
  const { images, validation, augmentation } = settings;
  if (trained.model === null || normalisation !== null || !augmentation.normalise) return prepared;
  const { shape, classes } = dataset;
  const [usual, own] = [usualScalings(shape.channels, null), usualScalings(shape.channels, dataset).slice(-1)];
  // The data's own first: that is what is taken where nothing speaks for another.
  const scalings = [...own, ...usual];
  const { train } = splitDataset(dataset, images === null ? { validation } : { validation, images });
  const worth = Math.max(1, Math.floor(affordable(engine, headed.network) / scalings.length));
  const some = evenlySpaced(train, Math.min(mostImages, worth));
  const tried: Tried[] = [];
  for (const scaling of isTrained ? scalings : []) {
    const { mean, std } = scaling;
    const batcher = createBatcher({ ...dataset, mean, std }, clean(true), Math.min(batch, some.length));
    const evaluator = await createEvaluator(engine, headed.network, batcher, 'direct');
    try {
      evaluator.load(headed.tensors);
      const { accuracy, loss } = await evaluator.measure(dataset.train, some, setImmediate);
      tried.push({ scaling, accuracy, loss: Number.isNaN(loss) ? Infinity : loss });
    } finally {
      evaluator.dispose();
    }
  }
  const likeness = likenessOf(trained, scalings, picked(dataset.train, shape, some), shape);
  const chosen = chooseScaling(scalings, tried, tried.length === 0 ? 0 : some.length, classes.length, likeness);
  const channelsLast = trained.model.input.layout === 'NHWC';
  const line = assumedLine({ called: name, channelsLast }, chosen);
  const { mean, std } = chosen.scaling;
  return {
    ...prepared,
    notes: [line, ...prepared.notes],
    normalisation: chosen.scaling.name === 'normalised' ? null : { mean, std },
  };
}
