/** The forward steps of each layer, one row a layer. They know shapes and names, no values. */
import { groupsOf, type Layer, type LayerTable, type Node } from '../network/network.ts';
import type { ParameterRole } from '../network/parameters.ts';
import { must } from '../util/assert.ts';
import type { BufferId, Geometry, Step } from './program.ts';

/** What a forward step keeps for the gradient: mean and variance, the mask of a pool. */
export interface Saved {
  readonly mean?: BufferId;
  readonly variance?: BufferId;
  readonly mask?: BufferId;
}

export interface ForwardContext {
  readonly node: Node;
  readonly inputs: readonly BufferId[];
  readonly output: BufferId;
  readonly statistics: 'batch' | 'running';
  /** What running statistics take over of a batch's, as a share. */
  readonly following: number;
  /** Gradients follow: masks are saved, and running statistics follow those of the batch. */
  readonly differentiated: boolean;
  parameter(role: ParameterRole): BufferId;
  temporary(kind: 'temporary' | 'mask', name: string, shape: readonly number[]): BufferId;
  shapeOf(buffer: BufferId): readonly number[];
  /** Keeps buffers for the gradient of the layer. */
  save(entry: Saved): void;
  emit(step: Step): void;
}

const input = (c: ForwardContext): BufferId => must(c.inputs[0], 'input');

/** The geometry of a layer with a sliding window over so many channels; null for the others. */
export function geometryOf(layer: Layer, channels: number): Geometry | null {
  if (!('kernel' in layer)) return null;
  const { kernel, stride, padding } = layer;
  const groups = layer.kind === 'depthwise' ? channels : layer.kind === 'convolution' ? groupsOf(layer) : 1;
  const dilated = 'dilation' in layer ? { dilation: layer.dilation } : {};
  const margins = layer.kind === 'average-pool' ? layer.margins : undefined;
  return { kernel, stride, padding, groups, ...dilated, ...(margins === undefined ? {} : { margins }) };
}

const convolve = (layer: { readonly bias: boolean }, c: ForwardContext): void => {
  const geometry = must(geometryOf(c.node.layer, c.shapeOf(input(c))[1] as number), 'geometry');
  const [kernel, bias] = [c.parameter('kernel'), layer.bias ? c.parameter('bias') : null];
  c.emit({ kind: 'convolution', input: input(c), kernel, bias, output: c.output, geometry });
};

export const forward: LayerTable<[context: ForwardContext], void> = {
  image: () => undefined,
  convolution: convolve,
  depthwise: convolve,
  'batch-normalization'(layer, c) {
    const [batch, channels, height, width] = c.shapeOf(input(c)) as [number, number, number, number];
    const fromBatch = c.statistics === 'batch';
    const mean = fromBatch ? c.temporary('temporary', `${c.node.id}/batch mean`, [channels]) : c.parameter('mean');
    const variance = fromBatch ? c.temporary('temporary', `${c.node.id}/batch variance`, [channels]) : c.parameter('variance');
    c.emit({
      kind: 'batch-normalization',
      statistics: c.statistics,
      input: input(c),
      scale: c.parameter('scale'),
      shift: c.parameter('shift'),
      mean,
      variance,
      output: c.output,
      relu: false,
      mask: null,
      epsilon: layer.epsilon,
    });
    c.save({ mean, variance });
    if (c.differentiated && fromBatch)
      c.emit({
        kind: 'running-statistics',
        mean,
        variance,
        runningMean: c.parameter('mean'),
        runningVariance: c.parameter('variance'),
        momentum: c.following,
        count: batch * height * width,
      });
  },
  'layer-normalization'({ epsilon }, c) {
    const [batch, , height, width] = c.shapeOf(input(c)) as [number, number, number, number];
    const perPixel = (name: string): BufferId => c.temporary('temporary', `${c.node.id}/${name}`, [batch, 1, height, width]);
    const mean = c.differentiated ? perPixel('mean of pixels') : null;
    const variance = c.differentiated ? perPixel('variance of pixels') : null;
    if (mean !== null && variance !== null) c.save({ mean, variance });
    const [scale, shift] = [c.parameter('scale'), c.parameter('shift')];
    c.emit({ kind: 'layer-normalization', input: input(c), scale, shift, mean, variance, output: c.output, epsilon });
  },
  'response-normalization'({ size, alpha, beta, bias }, c) {
    const mask = c.differentiated ? c.temporary('mask', `${c.node.id}/mask`, c.shapeOf(c.output)) : null;
    if (mask !== null) c.save({ mask });
    c.emit({ kind: 'response-normalization', input: input(c), output: c.output, mask, size, alpha, beta, bias });
  },
  relu: (_layer, c) => c.emit({ kind: 'relu', input: input(c), output: c.output }),
  activation: (layer, c) => c.emit({ kind: 'activation', input: input(c), output: c.output, function: layer.function }),
  'max-pool'({ kernel, stride, padding }, c) {
    const mask = c.differentiated ? c.temporary('mask', `${c.node.id}/mask`, c.shapeOf(c.output)) : null;
    if (mask !== null) c.save({ mask });
    c.emit({ kind: 'max-pool', input: input(c), output: c.output, mask, geometry: { kernel, stride, padding, groups: 1 } });
  },
  'average-pool'(layer, c) {
    const geometry = must(geometryOf(layer, 1), 'geometry');
    c.emit({ kind: 'average-pool', input: input(c), output: c.output, geometry, counted: layer.counted });
  },
  pad({ top, left, bottom, right, value }, c) {
    c.emit({ kind: 'pad', input: input(c), output: c.output, top, left, bottom, right, value });
  },
  'global-average-pool': (_layer, c) => c.emit({ kind: 'global-average-pool', input: input(c), output: c.output }),
  dense: (_layer, c) =>
    c.emit({ kind: 'dense', input: input(c), kernel: c.parameter('kernel'), bias: c.parameter('bias'), output: c.output }),
  select: ({ take }, c) => c.emit({ kind: 'select', input: input(c), output: c.output, take }),
  add: (_layer, c) => c.emit({ kind: 'add', inputs: c.inputs, output: c.output }),
  product(_layer, c) {
    c.emit({ kind: 'product', first: input(c), second: must(c.inputs[1], 'second input'), output: c.output });
  },
  convex(_layer, c) {
    const second = must(c.inputs[1], 'second input');
    c.emit({ kind: 'convex', first: input(c), second, mix: c.parameter('mix'), output: c.output });
  },
  concat: (_layer, c) => c.emit({ kind: 'concat', inputs: c.inputs, output: c.output }),
};
