/** Dense layers as inner products over whole images: the library chooses the layouts of what comes in. */
import type { BufferId, StepOf } from '../../../program/program.ts';
import type { PrimitiveDescriptor } from '../adapter.ts';
import type { Builder } from '../builder.ts';
import { argument, query } from '../constants.ts';
import type { Layout } from '../native.ts';
import { key, type Rows } from './rows.ts';

/** (N, features): what the library takes (N, features, 1, 1) for in an inner product. */
function rows(b: Builder, id: BufferId): Layout {
  return b.native.plain(b.dimensions(id).slice(0, 2));
}

function innerProduct(b: Builder, input: BufferId, kernel: readonly number[], output: BufferId): PrimitiveDescriptor {
  const { native, training } = b;
  const source = b.dimensions(input);
  return b.once(key('inner product', source, kernel), () =>
    b.describe({
      kind: 'inner-product',
      training,
      source: native.any(source),
      weights: native.any(kernel),
      bias: native.plain([kernel[0] as number]).descriptor,
      destination: rows(b, output).descriptor,
    }),
  );
}

export function denseGradientKernel(b: Builder, s: StepOf<'dense-gradient-kernel'>): PrimitiveDescriptor {
  const { native } = b;
  const kernel = b.dimensions(s.kernelGradient);
  return b.once(s, () =>
    b.describe({
      kind: 'inner-product-backward-weights',
      source: native.any(b.dimensions(s.input)),
      weightsGradient: native.any(kernel),
      biasGradient: b.plain(s.biasGradient).descriptor,
      destinationGradient: rows(b, s.outputGradient).descriptor,
      hint: innerProduct(b, s.input, kernel, s.outputGradient),
    }),
  );
}

export const denses = {
  dense(s, b) {
    const primitive = innerProduct(b, s.input, b.dimensions(s.kernel), s.output);
    const source = b.wants(primitive, query.source, s.input);
    const weights = b.wants(primitive, query.weights, s.kernel);
    b.run('dense', primitive, [
      [argument.source, b.read(s.input, source), source],
      [argument.weights, b.read(s.kernel, weights), weights],
      [argument.bias, b.read(s.bias, b.plain(s.bias)), b.plain(s.bias)],
      [argument.destination, b.write(s.output, b.plain(s.output)), rows(b, s.output)],
    ]);
  },

  'dense-gradient-input'(s, b) {
    const { native } = b;
    const kernel = b.dimensions(s.kernel);
    const primitive = b.describe({
      kind: 'inner-product-backward-data',
      sourceGradient: native.any(b.dimensions(s.inputGradient)),
      weights: native.any(kernel),
      destinationGradient: rows(b, s.outputGradient).descriptor,
      hint: innerProduct(b, s.inputGradient, kernel, s.outputGradient),
    });
    const source = b.wants(primitive, query.sourceGradient, s.inputGradient);
    const weights = b.wants(primitive, query.weights, s.kernel);
    b.run('dense gradient input', primitive, [
      [argument.destinationGradient, b.read(s.outputGradient, b.plain(s.outputGradient)), rows(b, s.outputGradient)],
      [argument.weights, b.read(s.kernel, weights), weights],
      [argument.sourceGradient, b.write(s.inputGradient, source), source],
    ]);
  },

  'dense-gradient-kernel'(s, b) {
    const primitive = denseGradientKernel(b, s);
    const source = b.wants(primitive, query.source, s.input);
    const weights = b.wants(primitive, query.weightsGradient, s.kernelGradient);
    b.run('dense gradient kernel', primitive, [
      [argument.source, b.read(s.input, source), source],
      [argument.destinationGradient, b.read(s.outputGradient, b.plain(s.outputGradient)), rows(b, s.outputGradient)],
      [argument.weightsGradient, b.write(s.kernelGradient, weights), weights],
      [argument.biasGradient, b.write(s.biasGradient, b.plain(s.biasGradient)), b.plain(s.biasGradient)],
    ]);
  },
} satisfies Rows;
