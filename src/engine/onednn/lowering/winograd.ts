/**
 * Convolutions 3 wide of stride 1 by kernels of our own, where the library has no Winograd convolutions: 36 products in place of 144, the
 * products by the library. Tensors lie in its blocks of channels, kernels and their gradients row-major.
 */
import type { BufferId, Geometry } from '../../../program/program.ts';
import { align, alignment } from '../../../program/lifetimes.ts';
import type { Builder } from '../builder.ts';
import type { Region } from '../commands.ts';
import { convolution as convolutionAlgorithm } from '../constants.ts';
import { positions, type Call, type Side, type Tiling } from '../kernels/calls.ts';
import type { Layout } from '../native.ts';
import { placesLayout } from './pooled.ts';

/**
 * Fewer channels are not worth the transforms (bench, AVX2, batch 128, one thread: 16 → 16 channels at 32² 13 against 10 ms forward, 24 → 24
 * 19 against 26). Followed by a pool they are, which is then part of the transform.
 */
const fewest = { alone: 24, pooled: 16 };

/** Whether kernels of our own compute a convolution. */
export function isWinograd(
  b: Builder,
  { kernel, stride, padding, groups, dilation }: Geometry,
  channels: number,
  pooled: boolean,
): boolean {
  if (b.own?.winograd !== true || b.algorithm !== convolutionAlgorithm.auto || dilation !== undefined) return false;
  return kernel === 3 && stride === 1 && groups === 1 && padding < kernel && channels >= (pooled ? fewest.pooled : fewest.alone);
}

/** Bytes of a matrix, such that matrices that follow each other begin in different lines of the caches: an odd number of lines. */
const pitchOf = (rows: number, columns: number): number => {
  const lines = align(4 * rows * columns) / alignment;
  return alignment * (lines + (1 - (lines % 2)));
};

/** Bytes for the matrices between two transforms that stay in the second cache. */
const cached = 450_000;
/** Rows below which products are slow. */
const fewRows = 64;

type Shape = readonly [images: number, channels: number, height: number, width: number];

interface Plan {
  readonly tiling: Omit<Tiling, 'input' | 'output' | 'scratch'>;
  readonly input: Omit<Side, 'at' | 'places'>;
  readonly output: Omit<Side, 'at' | 'places'>;
}

/** `shared`: the matrices of the output take the memory of those of the input. */
function planOf(input: Shape, output: Shape, padding: number, lanes: number, threads: number, shared: boolean): Plan {
  const [images, , height, width] = output;
  const [down, across] = [Math.ceil(height / 4), Math.ceil(width / 4)];
  const padded = (channels: number): number => lanes * Math.ceil(channels / lanes);
  const [inputs, outputs] = [padded(input[1]), padded(output[1])];
  const bytesOfTile = 4 * positions * (shared ? Math.max(inputs, outputs) : inputs + outputs);
  const tiles = Math.max(fewRows, cached / bytesOfTile);
  const block = Math.min(Math.ceil(images / threads), Math.max(1, Math.round(tiles / (down * across))));
  const side = (shape: Shape, channels: number): Plan['input'] => ({
    channels: shape[1],
    padded: channels,
    height: shape[2],
    width: shape[3],
    pitch: pitchOf(block * down * across, channels),
  });
  const [from, to] = [side(input, inputs), side(output, outputs)];
  const widest = Math.max(input[3], output[3]);
  const vectors = Math.max(72, 6 * (4 * across + 2) + 6 * widest);
  const room = align(16 * vectors + 4 * lanes * widest);
  const matrices = shared ? (positions + 1) * Math.max(from.pitch, to.pitch) : positions * (from.pitch + to.pitch);
  return {
    tiling: { images, block, padding, lanes, down, across, room, scratchBytes: room + matrices },
    input: from,
    output: to,
  };
}

const shapeOf = (layout: Layout): Shape => layout.dimensions as unknown as Shape;

/** A tensor of a convolution. */
export interface Operand {
  readonly buffer: BufferId;
  readonly layout: Layout;
  /** Where the tensor itself is nowhere, but the output of a pool of it: the gradient to that output, or the output, and its places. */
  readonly pooled: { readonly buffer: BufferId; readonly layout: Layout; readonly places: BufferId | null } | null;
}

/** The regions of an operand that is read, or written. */
function regionsOf(b: Builder, { buffer, layout, pooled }: Operand, how: 'read' | 'write') {
  const tensor = pooled === null ? b[how](buffer, layout) : b[how](pooled.buffer, pooled.layout);
  const mask = pooled?.places ?? null;
  const places = mask === null || pooled === null ? null : b[how](mask, placesLayout(b, pooled.layout));
  const at = (offset: (region: Region) => number): Pick<Side, 'at' | 'places'> => ({
    at: offset(tensor),
    places: pooled === null ? null : places === null ? 0 : offset(places),
  });
  return { at, uses: places === null ? [tensor] : [tensor, places] };
}

/**
 * target = source ∗ kernel, or, `gradient`, the gradient to the input of that convolution: the source is the gradient to its output, and the
 * kernel is turned.
 */
export function convolve(
  b: Builder,
  label: string,
  [source, target]: readonly [Operand, Operand],
  kernelBuffer: BufferId,
  biasBuffer: BufferId | null,
  padding: number,
  gradient: boolean,
): void {
  const threads = b.own?.threads ?? 1;
  const lanes = source.layout.lanes as number;
  const plan = planOf(shapeOf(source.layout), shapeOf(target.layout), padding, lanes, threads, true);
  const [rows, columns, width] = [plan.input.channels, plan.output.channels, plan.output.padded];
  const pitch = pitchOf(rows, width);
  const kernel = b.read(kernelBuffer, b.plain(kernelBuffer));
  const bias = biasBuffer === null ? null : b.read(biasBuffer, b.plain(biasBuffer));
  const [from, to] = [regionsOf(b, source, 'read'), regionsOf(b, target, 'write')];
  const [scratch, transformed] = [b.scratch(threads * plan.tiling.scratchBytes), b.scratch(positions * pitch)];
  // From the kernel (out, in, 3, 3): rows are the channels that are summed over.
  const [perInput, perOutput] = [36, 36 * (gradient ? columns : rows)];
  const uses = [kernel, ...from.uses, ...to.uses, scratch, transformed, ...(bias === null ? [] : [bias])];
  b.call(label, 'own:winograd', uses, (offset): readonly Call[] => {
    const at = offset(transformed);
    const { scratchBytes } = plan.tiling;
    const tiling = {
      ...plan.tiling,
      input: { ...plan.input, ...from.at(offset) },
      output: { ...plan.output, ...to.at(offset) },
      scratch: offset(scratch),
    };
    return [
      {
        kind: 'kernel transform',
        kernel: offset(kernel),
        rows,
        columns,
        rowStep: gradient ? perOutput : perInput,
        columnStep: gradient ? perInput : perOutput,
        flipped: gradient,
        at,
        width,
        pitch,
        scratch: tiling.scratch,
        scratchBytes,
      },
      { kind: 'convolution', tiling, transformed: { at, pitch }, bias: bias === null ? 0 : offset(bias) },
    ];
  });
}

/** The gradient to the kernel and to the bias. */
export function gradientToKernel(
  b: Builder,
  label: string,
  [input, outputGradient]: readonly [Operand, Operand],
  kernelBuffer: BufferId,
  biasBuffer: BufferId | null,
  padding: number,
): void {
  const threads = b.own?.threads ?? 1;
  const lanes = input.layout.lanes as number;
  const plan = planOf(shapeOf(input.layout), shapeOf(outputGradient.layout), padding, lanes, threads, false);
  const width = plan.output.padded;
  const pitch = pitchOf(plan.input.channels, width);
  const partBytes = align(positions * pitch + 4 * width);
  const [from, gradients] = [regionsOf(b, input, 'read'), regionsOf(b, outputGradient, 'read')];
  const kernelGradient = b.write(kernelBuffer, b.plain(kernelBuffer));
  const biasGradient = biasBuffer === null ? null : b.write(biasBuffer, b.plain(biasBuffer));
  const [scratch, sets] = [b.scratch(threads * plan.tiling.scratchBytes), b.scratch(threads * partBytes)];
  const uses = [...from.uses, ...gradients.uses, kernelGradient, scratch, sets, ...(biasGradient === null ? [] : [biasGradient])];
  b.call(label, 'own:winograd', uses, (offset): readonly Call[] => {
    const tiling = {
      ...plan.tiling,
      input: { ...plan.input, ...from.at(offset) },
      output: { ...plan.output, ...gradients.at(offset) },
      scratch: offset(scratch),
    };
    const sums = { at: offset(sets), pitch, partBytes, bias: biasGradient === null ? null : positions * pitch };
    return [
      { kind: 'kernel sums', tiling, sums },
      {
        kind: 'kernel gradient',
        tiling,
        sums,
        kernelGradient: offset(kernelGradient),
        biasGradient: biasGradient === null ? null : offset(biasGradient),
      },
    ];
  });
}
