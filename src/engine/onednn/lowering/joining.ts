/** Elementwise steps and those that join tensors or take them apart, in the layout of what they read first. */
import type { BufferId, StepOf } from '../../../program/program.ts';
import { must } from '../../../util/assert.ts';
import type { Builder } from '../builder.ts';
import type { Region } from '../commands.ts';
import { argument, query } from '../constants.ts';
import type { Layout } from '../native.ts';
import { combined, flat, scaled, type Rows } from './rows.ts';

/** 1 − λ as a scalar, made before the commands that follow. */
function complement(b: Builder, mix: BufferId): Region {
  const result = b.scratch(4);
  const source = b.read(mix, b.plain(mix));
  b.script('complement', [source, result], (view) => {
    const [from, to] = [view(source), view(result)];
    return () => void (to[0] = 1 - (from[0] as number));
  });
  return result;
}

/** The layout of the tensor that a concatenation read where this gradient belongs; null where none can be told. */
function concatenatedLayout(b: Builder, s: StepOf<'concat-gradient'>): Layout | null {
  const shape = b.dimensions(s.outputGradient).join();
  const channels = b.dimensions(s.inputGradient)[1] as number;
  for (const step of b.program.steps) {
    if (step.kind !== 'concat' || b.dimensions(step.output).join() !== shape) continue;
    let offset = 0;
    for (const input of step.inputs) {
      const width = b.dimensions(input)[1] as number;
      if (offset === s.offset && width === channels) return b.home(input);
      offset += width;
    }
  }
  return null;
}

/** Σ gradient·(first − second), in four f64 sums. */
function mixGradient(gradient: Float32Array, first: Float32Array, second: Float32Array): number {
  const length = gradient.length;
  const whole = length - (length % 4);
  let [a, b, c, d] = [0, 0, 0, 0];
  for (let i = 0; i < whole; i += 4) {
    a += (gradient[i] as number) * ((first[i] as number) - (second[i] as number));
    b += (gradient[i + 1] as number) * ((first[i + 1] as number) - (second[i + 1] as number));
    c += (gradient[i + 2] as number) * ((first[i + 2] as number) - (second[i + 2] as number));
    d += (gradient[i + 3] as number) * ((first[i + 3] as number) - (second[i + 3] as number));
  }
  for (let i = whole; i < length; i++) a += (gradient[i] as number) * ((first[i] as number) - (second[i] as number));
  return a + b + (c + d);
}

export const joins = {
  relu(s, b) {
    const layout = b.home(s.input);
    const row = flat(b, layout);
    const primitive = b.describe({ kind: 'relu', training: b.training, data: row.descriptor });
    const source = b.read(s.input, layout);
    const destination = b.write(s.output, layout);
    b.runInPlace('relu', [source, destination], primitive, [
      [argument.source, source, row],
      [argument.destination, destination, row],
    ]);
  },

  'relu-gradient'(s, b) {
    const layout = b.home(s.output);
    const row = flat(b, layout);
    const primitive = b.describe({
      kind: 'relu-backward',
      gradient: row.descriptor,
      output: row.descriptor,
      hint: b.describe({ kind: 'relu', training: true, data: row.descriptor }),
    });
    const incoming = b.read(s.outputGradient, layout);
    const outgoing = b.write(s.inputGradient, layout);
    b.runInPlace('relu gradient', [incoming, outgoing], primitive, [
      [argument.destination, b.read(s.output, layout), row],
      [argument.destinationGradient, incoming, row],
      [argument.sourceGradient, outgoing, row],
    ]);
  },

  add(s, b) {
    const layout = b.home(must(s.inputs[0], 'input'));
    const [first, ...others] = s.inputs.map((id) => b.read(id, layout));
    const result = b.write(s.output, layout);
    // Two at a time: the library's sum of many is no kernel that it generates, and takes twice as long.
    let sum = must(first, 'input');
    for (const other of others) {
      combined(b, 'add', [sum, other, result], layout);
      sum = result;
    }
  },

  convex(s, b) {
    const layout = b.home(s.first);
    const first = b.read(s.first, layout);
    const second = b.read(s.second, layout);
    const mix = b.read(s.mix, b.plain(s.mix));
    const rest = complement(b, s.mix);
    const destination = b.write(s.output, layout);
    // Two exact products at λ = 0 and 1: the result is then one of the two to the bit.
    scaled(b, first, mix, destination, layout, false);
    scaled(b, second, rest, destination, layout, true);
  },

  'convex-gradient'(s, b) {
    const layout = b.home(s.first);
    const incoming = b.read(s.outputGradient, layout);
    const first = b.read(s.first, layout);
    const second = b.read(s.second, layout);
    const mixed = b.write(s.mixGradient, b.plain(s.mixGradient));
    b.script('convex gradient mix', [incoming, first, second, mixed], (view) => {
      const [dy, x, y, result] = [view(incoming), view(first), view(second), view(mixed)];
      return () => void (result[0] = mixGradient(dy, x, y));
    });
    const mix = b.read(s.mix, b.plain(s.mix));
    if (s.firstGradient !== null) scaled(b, incoming, mix, b.write(s.firstGradient, layout), layout, false);
    if (s.secondGradient !== null) scaled(b, incoming, complement(b, s.mix), b.write(s.secondGradient, layout), layout, false);
  },

  concat(s, b) {
    const layouts = s.inputs.map((id) => b.home(id));
    const primitive = b.describe({
      kind: 'concat',
      sources: layouts.map((layout) => layout.descriptor),
      destination: b.native.any(b.dimensions(s.output)),
    });
    const destination = b.wants(primitive, query.destination, s.output);
    b.run('concat', primitive, [
      ...s.inputs.map((id, index) => {
        const layout = layouts[index] as Layout;
        return [argument.multipleSource + index, b.read(id, layout), layout] as const;
      }),
      [argument.destination, b.write(s.output, destination), destination],
    ]);
  },

  'concat-gradient'(s, b) {
    const { native } = b;
    const dimensions = b.dimensions(s.inputGradient);
    const offsets = [0, s.offset, 0, 0];
    // Where the layout would be cut inside a block, the row-major one can be cut anywhere.
    const home = b.home(s.outputGradient);
    const part = native.part(home, dimensions, offsets);
    const source = part === null ? b.plain(s.outputGradient) : home;
    const slice = part ?? must(native.part(source, dimensions, offsets), 'part of a row-major tensor');
    const destination = concatenatedLayout(b, s) ?? b.plain(s.inputGradient);
    const primitive = b.describe({ kind: 'reorder', source: slice, destination: destination.descriptor });
    b.run('concat gradient', primitive, [
      [argument.source, b.read(s.outputGradient, source), slice],
      [argument.destination, b.write(s.inputGradient, destination), destination],
    ]);
  },
} satisfies Rows;
