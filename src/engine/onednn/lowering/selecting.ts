/**
 * Channels that are taken out of a tensor, and their gradients. Row-major: consecutive ones by a reorder of the library, others,
 * as those of a shuffle, plane by plane.
 */
import { must } from '../../../util/assert.ts';
import type { Builder } from '../builder.ts';
import { argument } from '../constants.ts';
import type { Rows } from './rows.ts';

/** Channels that stand side by side in both tensors: the first in the whole one, the first in the part, and how many. */
type Run = readonly [whole: number, part: number, count: number];

function runsOf(take: readonly number[]): readonly Run[] {
  const runs: [number, number, number][] = [];
  take.forEach((channel, at) => {
    const last = runs.at(-1);
    if (last !== undefined && last[0] + last[2] === channel) last[2]++;
    else runs.push([channel, at, 1]);
  });
  return runs;
}

/** Copies all runs of all images between two row-major tensors. */
function copying(
  [batch, channels, height, width]: readonly number[],
  take: readonly number[],
  copy: (whole: number, part: number, size: number) => void,
): () => void {
  const [runs, size] = [runsOf(take), (height as number) * (width as number)];
  return () => {
    for (let image = 0; image < (batch as number); image++)
      for (const [whole, part, count] of runs)
        copy((image * (channels as number) + whole) * size, (image * take.length + part) * size, count * size);
  };
}

const isRun = (take: readonly number[]): boolean => runsOf(take).length === 1;

/** The part of a row-major tensor that a run of channels is. */
const partOf = (b: Builder, whole: number, part: number, [first = 0]: readonly number[]) =>
  must(b.native.part(b.plain(whole), b.dimensions(part), [0, first, 0, 0]), 'part of a row-major tensor');

export const selecting = {
  select(s, b) {
    const [from, to] = [b.plain(s.input), b.plain(s.output)];
    const [source, destination] = [b.read(s.input, from), b.write(s.output, to)];
    if (isRun(s.take)) {
      const part = partOf(b, s.input, s.output, s.take);
      b.run('channels', b.describe({ kind: 'reorder', source: part, destination: to.descriptor }), [
        [argument.source, source, part],
        [argument.destination, destination, to],
      ]);
      return;
    }
    b.script('channels', [source, destination], (view) => {
      const [x, y] = [view(source), view(destination)];
      return copying(b.dimensions(s.input), s.take, (whole, part, size) => y.set(x.subarray(whole, whole + size), part));
    });
  },

  'select-gradient'(s, b) {
    const [from, to] = [b.plain(s.outputGradient), b.plain(s.inputGradient)];
    const [source, destination] = [b.read(s.outputGradient, from), b.write(s.inputGradient, to)];
    const all = s.take.length === b.dimensions(s.inputGradient)[1];
    b.script('channels gradient', [source, destination], (view) => {
      const [dy, dx] = [view(source), view(destination)];
      const copy = copying(b.dimensions(s.inputGradient), s.take, (whole, part, size) =>
        dx.set(dy.subarray(part, part + size), whole),
      );
      return () => {
        if (!all) dx.fill(0);
        copy();
      };
    });
  },
} satisfies Rows;
