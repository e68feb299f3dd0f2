/** Convolutions, plain and depthwise: the library chooses all layouts. */
import type { BufferId, Geometry, StepOf } from '../../../program/program.ts';
import type { PrimitiveDescriptor, Window } from '../adapter.ts';
import type { Builder } from '../builder.ts';
import { argument, convolution as convolutionAlgorithm, query } from '../constants.ts';
import { key, type Rows } from './rows.ts';

export const window = ({ stride, padding }: Geometry): Window => ({ strides: [stride, stride], padding: [padding, padding] });

/**
 * Winograd convolutions pad channels to 16 and transform every tile; where there are few channels to sum over, direct ones
 * are faster (bench: 3 → 64 channels at 32² 2.8 against 19 ms forward, 3.6 against 10.6 to the kernel; 16 → 64 14 against 26).
 * The choice follows from the shape alone, so that results do not depend on timing.
 */
const algorithmFor = (b: Builder, summedChannels: number, few: number): number =>
  summedChannels <= few ? convolutionAlgorithm.direct : b.algorithm;

/** A forward convolution that leaves all layouts to the library; also the hint of its gradients. */
function convolution(
  b: Builder,
  training: boolean,
  input: BufferId,
  kernel: BufferId,
  output: BufferId,
  geometry: Geometry,
  bias: boolean,
): PrimitiveDescriptor {
  const { native } = b;
  const [source, weights, destination] = [input, kernel, output].map((id) => b.dimensions(id)) as [number[], number[], number[]];
  return b.once(key('convolution', training, source, weights, geometry, bias), () =>
    b.describe({
      kind: 'convolution',
      training,
      algorithm: algorithmFor(b, source[1] as number, 16),
      source: native.any(source),
      weights: native.any(weights),
      bias: bias ? native.plain([destination[1] as number]).descriptor : null,
      destination: native.any(destination),
      ...window(geometry),
    }),
  );
}

export function convolutionGradientKernel(b: Builder, s: StepOf<'convolution-gradient-kernel'>): PrimitiveDescriptor {
  const { native } = b;
  return b.once(s, () =>
    b.describe({
      kind: 'convolution-backward-weights',
      algorithm: algorithmFor(b, b.dimensions(s.input)[1] as number, 4),
      source: native.any(b.dimensions(s.input)),
      weightsGradient: native.any(b.dimensions(s.kernelGradient)),
      biasGradient: s.biasGradient === null ? null : b.plain(s.biasGradient).descriptor,
      destinationGradient: native.any(b.dimensions(s.outputGradient)),
      hint: convolution(b, true, s.input, s.kernelGradient, s.outputGradient, s.geometry, s.biasGradient !== null),
      ...window(s.geometry),
    }),
  );
}

export const convolutions = {
  convolution(s, b) {
    const primitive = convolution(b, b.training, s.input, s.kernel, s.output, s.geometry, s.bias !== null);
    const source = b.wants(primitive, query.source, s.input);
    const weights = b.wants(primitive, query.weights, s.kernel);
    const destination = b.wants(primitive, query.destination, s.output);
    b.run('convolution', primitive, [
      [argument.source, b.read(s.input, source), source],
      [argument.weights, b.read(s.kernel, weights), weights],
      ...(s.bias === null ? [] : [[argument.bias, b.read(s.bias, b.plain(s.bias)), b.plain(s.bias)] as const]),
      [argument.destination, b.write(s.output, destination), destination],
    ]);
  },

  'convolution-gradient-input'(s, b) {
    const { native } = b;
    const primitive = b.describe({
      kind: 'convolution-backward-data',
      algorithm: algorithmFor(b, b.dimensions(s.outputGradient)[1] as number, 16),
      sourceGradient: native.any(b.dimensions(s.inputGradient)),
      weights: native.any(b.dimensions(s.kernel)),
      destinationGradient: native.any(b.dimensions(s.outputGradient)),
      hint: convolution(b, true, s.inputGradient, s.kernel, s.outputGradient, s.geometry, false),
      ...window(s.geometry),
    });
    const source = b.wants(primitive, query.sourceGradient, s.inputGradient);
    const weights = b.wants(primitive, query.weights, s.kernel);
    const destination = b.wants(primitive, query.destinationGradient, s.outputGradient);
    b.run('convolution gradient input', primitive, [
      [argument.destinationGradient, b.read(s.outputGradient, destination), destination],
      [argument.weights, b.read(s.kernel, weights), weights],
      [argument.sourceGradient, b.write(s.inputGradient, source), source],
    ]);
  },

  'convolution-gradient-kernel'(s, b) {
    const primitive = convolutionGradientKernel(b, s);
    const source = b.wants(primitive, query.source, s.input);
    const weights = b.wants(primitive, query.weightsGradient, s.kernelGradient);
    const destination = b.wants(primitive, query.destinationGradient, s.outputGradient);
    const bias = s.biasGradient;
    b.run('convolution gradient kernel', primitive, [
      [argument.source, b.read(s.input, source), source],
      [argument.destinationGradient, b.read(s.outputGradient, destination), destination],
      [argument.weightsGradient, b.write(s.kernelGradient, weights), weights],
      ...(bias === null ? [] : [[argument.biasGradient, b.write(bias, b.plain(bias)), b.plain(bias)] as const]),
    ]);
  },
} satisfies Rows;
