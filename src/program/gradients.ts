/**
 * Reverse-mode differentiation, one row a layer: given the gradient of the loss with respect to a layer's output, the steps
 * that compute those with respect to its inputs and its parameters. What several consumers send back is summed by the
 * lowering, which knows them all.
 */
import type { LayerTable } from '../network/network.ts';
import type { ParameterRole } from '../network/parameters.ts';
import { must } from '../util/assert.ts';
import type { Saved } from './forward.ts';
import type { BufferId, Geometry, Step } from './program.ts';

export interface GradientContext {
  /** dL/d(output). */
  readonly outputGradient: BufferId;
  readonly inputs: readonly BufferId[];
  readonly output: BufferId;
  /** A new buffer for dL/d(input i); null where no parameter comes before it. */
  inputGradient(index: number): BufferId | null;
  /** A buffer for dL/d(input i) that a step must write but no step reads. */
  unreadGradient(index: number): BufferId;
  /** Uses an existing buffer as dL/d(input i). */
  forwardGradient(index: number, gradient: BufferId): void;
  /** A new buffer for dL/d(parameter). */
  parameterGradient(role: ParameterRole): BufferId;
  parameter(role: ParameterRole): BufferId;
  /** By the forward step. */
  readonly saved: Saved;
  readonly statistics: 'batch' | 'running';
  readonly geometry: Geometry | null;
  channelsOf(buffer: BufferId): number;
  emit(step: Step): void;
}

const convolution = (layer: { readonly bias: boolean; readonly frozen?: true }, c: GradientContext): void => {
  const { outputGradient } = c;
  const geometry = must(c.geometry, 'geometry');
  // dW[o,i] = Σ_n x[n,i] ⋆ dy[n,o];  db[o] = Σ dy[n,o];  dx[n,i] = Σ_o dy[n,o] ∗ flip(W[o,i])
  if (layer.frozen === true) {
    if (layer.bias) c.emit({ kind: 'bias-gradient', outputGradient, biasGradient: c.parameterGradient('bias') });
  } else {
    const kernelGradient = c.parameterGradient('kernel');
    const biasGradient = layer.bias ? c.parameterGradient('bias') : null;
    const input = c.inputs[0] as BufferId;
    c.emit({ kind: 'convolution-gradient-kernel', input, outputGradient, kernelGradient, biasGradient, geometry });
  }
  const inputGradient = c.inputGradient(0);
  if (inputGradient !== null)
    c.emit({ kind: 'convolution-gradient-input', outputGradient, kernel: c.parameter('kernel'), inputGradient, geometry });
};

export const gradients: LayerTable<[context: GradientContext], void> = {
  image: () => undefined,
  convolution,
  depthwise: convolution,
  'batch-normalization'(layer, c) {
    // x̂ = (x − μ)/σ;  dγ = Σ dy·x̂;  dβ = Σ dy;  dx = γ/σ·(dy − mean(dy) − x̂·mean(dy·x̂)), with running statistics γ/σ·dy
    // Directly after the image dx is not needed; the step computes it anyway.
    const inputGradient = c.inputGradient(0) ?? c.unreadGradient(0);
    c.emit({
      kind: 'batch-normalization-gradient',
      statistics: c.statistics,
      input: c.inputs[0] as BufferId,
      outputGradient: c.outputGradient,
      scale: c.parameter('scale'),
      shift: c.parameter('shift'),
      mean: must(c.saved.mean, 'saved mean'),
      variance: must(c.saved.variance, 'saved variance'),
      mask: null,
      inputGradient,
      scaleGradient: c.parameterGradient('scale'),
      shiftGradient: c.parameterGradient('shift'),
      epsilon: layer.epsilon,
    });
  },
  'layer-normalization'({ epsilon }, c) {
    // x̂ = (x − μ)/σ;  dγ = Σ dy·x̂;  dβ = Σ dy;  g = dy·γ;  dx = (g − mean(g) − x̂·mean(g·x̂))/σ, the means over channels
    c.emit({
      kind: 'layer-normalization-gradient',
      input: c.inputs[0] as BufferId,
      outputGradient: c.outputGradient,
      scale: c.parameter('scale'),
      shift: c.parameter('shift'),
      mean: must(c.saved.mean, 'saved mean'),
      variance: must(c.saved.variance, 'saved variance'),
      inputGradient: c.inputGradient(0) ?? c.unreadGradient(0),
      scaleGradient: c.parameterGradient('scale'),
      shiftGradient: c.parameterGradient('shift'),
      epsilon,
    });
  },
  'response-normalization'({ size, alpha, beta, bias }, c) {
    // s = bias + alpha/size·Σ x²;  dx = dy·s^−β − 2·alpha·β/size·x·Σ dy·x·s^(−β−1), the sums over the channels around each
    const [input, inputGradient] = [c.inputs[0] as BufferId, c.inputGradient(0)];
    if (inputGradient === null) return;
    const [mask, { outputGradient }] = [must(c.saved.mask, 'saved mask'), c];
    const numbers = { size, alpha, beta, bias };
    c.emit({ kind: 'response-normalization-gradient', input, outputGradient, mask, inputGradient, ...numbers });
  },
  relu(_layer, c) {
    // dx = dy·[y > 0]
    const inputGradient = c.inputGradient(0);
    if (inputGradient !== null)
      c.emit({ kind: 'relu-gradient', output: c.output, outputGradient: c.outputGradient, inputGradient });
  },
  activation(layer, c) {
    // dx = dy·f′(x). Between its bounds a clip changes nothing: f′(f(x)) = f′(x), so that its output may take the place of its input.
    const input = layer.function.name === 'clip' ? c.output : (c.inputs[0] as BufferId);
    const inputGradient = c.inputGradient(0);
    if (inputGradient === null) return;
    const { outputGradient } = c;
    c.emit({ kind: 'activation-gradient', input, outputGradient, inputGradient, function: layer.function });
  },
  'max-pool'(_layer, c) {
    // dy goes to where the maximum was
    const inputGradient = c.inputGradient(0);
    if (inputGradient === null) return;
    const [mask, geometry] = [must(c.saved.mask, 'saved mask'), must(c.geometry, 'geometry')];
    c.emit({ kind: 'max-pool-gradient', mask, outputGradient: c.outputGradient, inputGradient, geometry });
  },
  'average-pool'({ counted }, c) {
    // dy, shared by the pixels of each window
    const inputGradient = c.inputGradient(0);
    if (inputGradient === null) return;
    const geometry = must(c.geometry, 'geometry');
    c.emit({ kind: 'average-pool-gradient', outputGradient: c.outputGradient, inputGradient, geometry, counted });
  },
  pad({ top, left, bottom, right }, c) {
    // dx = dy inside
    const inputGradient = c.inputGradient(0);
    if (inputGradient !== null)
      c.emit({ kind: 'pad-gradient', outputGradient: c.outputGradient, inputGradient, top, left, bottom, right });
  },
  'global-average-pool'(_layer, c) {
    // dx = dy/(H·W)
    const inputGradient = c.inputGradient(0);
    if (inputGradient !== null) c.emit({ kind: 'global-average-pool-gradient', outputGradient: c.outputGradient, inputGradient });
  },
  dense(_layer, c) {
    // dW = dyᵀ·x;  db = Σ dy;  dx = dy·W
    const { outputGradient } = c;
    const [kernelGradient, biasGradient] = [c.parameterGradient('kernel'), c.parameterGradient('bias')];
    c.emit({ kind: 'dense-gradient-kernel', input: c.inputs[0] as BufferId, outputGradient, kernelGradient, biasGradient });
    const inputGradient = c.inputGradient(0);
    if (inputGradient !== null)
      c.emit({ kind: 'dense-gradient-input', outputGradient, kernel: c.parameter('kernel'), inputGradient });
  },
  select({ take }, c) {
    // dx = dy where a channel was taken, else 0
    const inputGradient = c.inputGradient(0);
    if (inputGradient !== null) c.emit({ kind: 'select-gradient', outputGradient: c.outputGradient, inputGradient, take });
  },
  add(_layer, c) {
    // dx_i = dy
    c.inputs.forEach((_input, index) => c.forwardGradient(index, c.outputGradient));
  },
  product(_layer, c) {
    // da = dy·b;  db = dy·a, summed over the pixels where b is a gate
    const [first, second] = c.inputs as readonly [BufferId, BufferId];
    const [firstGradient, secondGradient] = [c.inputGradient(0), c.inputGradient(1)];
    if (firstGradient === null && secondGradient === null) return;
    c.emit({ kind: 'product-gradient', first, second, outputGradient: c.outputGradient, firstGradient, secondGradient });
  },
  convex(_layer, c) {
    // da = λ·dy;  db = (1 − λ)·dy;  dλ = Σ dy·(a − b)
    c.emit({
      kind: 'convex-gradient',
      first: c.inputs[0] as BufferId,
      second: c.inputs[1] as BufferId,
      mix: c.parameter('mix'),
      outputGradient: c.outputGradient,
      firstGradient: c.inputGradient(0),
      secondGradient: c.inputGradient(1),
      mixGradient: c.parameterGradient('mix'),
    });
  },
  concat(_layer, c) {
    // dx_i = dy's channels of input i
    let offset = 0;
    c.inputs.forEach((input, index) => {
      const inputGradient = c.inputGradient(index);
      if (inputGradient !== null) c.emit({ kind: 'concat-gradient', outputGradient: c.outputGradient, offset, inputGradient });
      offset += c.channelsOf(input);
    });
  },
};
