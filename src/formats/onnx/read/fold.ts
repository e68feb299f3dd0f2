/**
 * Operators whose inputs are all known are computed here: arithmetic on shapes, from which exporters make the inputs of Reshape,
 * Pad and Slice, and on constants. The number of images, 'N', may be moved about, but not computed with.
 */
import { dataType } from '../proto.ts';
import { elementwise, ternary } from './fold-elementwise.ts';
import { knownOf, knownValue, type Known, type Entry } from './known.ts';
import { dimensionsOf } from './pooling.ts';
import type { OpContext, Value } from './value.ts';

/** Computes the output from the inputs. */
type Fold = (op: OpContext, inputs: readonly Known[]) => Known;

const sizeOf = (dims: readonly number[]): number => dims.reduce((product, extent) => product * extent, 1);
const stridesOf = (dims: readonly number[]): number[] => dims.map((_extent, axis) => sizeOf(dims.slice(axis + 1)));

/** The tensor of these extents whose number at each index is the one that `from` says of the source. */
function gathered(source: Known, dims: readonly number[], from: (index: readonly number[]) => readonly number[]): Known {
  const strides = stridesOf(source.dims);
  const values = Array.from<Entry>({ length: sizeOf(dims) });
  const index = dims.map(() => 0);
  for (let at = 0; at < values.length; at++) {
    values[at] = source.values[from(index).reduce((sum, place, axis) => sum + place * (strides[axis] as number), 0)] as Entry;
    for (let axis = dims.length - 1; axis >= 0; axis--) {
      index[axis] = (index[axis] as number) + 1;
      if ((index[axis] as number) < (dims[axis] as number)) break;
      index[axis] = 0;
    }
  }
  return { dims, values, floating: source.floating };
}

/** Whole numbers, from an attribute or an input. */
function numbersAt(op: OpContext, inputs: readonly Known[], index: number, name: string): readonly number[] | undefined {
  const given = op.attributes.ints(name);
  if (given !== undefined) return given;
  const input = op.inputs[index] === undefined ? undefined : inputs[index];
  if (input === undefined) return undefined;
  if (input.floating || Array.from(input.values).includes('N')) throw op.fail(`its ${name} are not whole numbers`);
  return Array.from(input.values as ArrayLike<number>);
}

const first = (inputs: readonly Known[]): Known => inputs[0] as Known;

function reshaped(op: OpContext, inputs: readonly Known[]): Known {
  const source = first(inputs);
  const zeroCopies = op.attributes.int('allowzero', 0) === 0;
  const asked = numbersAt(op, inputs, 1, 'shape') ?? [];
  const copied = asked.map((extent, axis) => (extent === 0 && zeroCopies ? (source.dims[axis] ?? 0) : extent));
  const known = sizeOf(copied.filter((extent) => extent !== -1));
  const dims = copied.map((extent) => (extent === -1 ? source.values.length / known : extent));
  if (dims.some((extent) => !Number.isInteger(extent) || extent < 0) || sizeOf(dims) !== source.values.length)
    throw op.fail(`a constant of ${source.dims.join('×')} has no shape ${asked.slice(0, 8).join(', ')}`);
  return { ...source, dims };
}

function transposed(op: OpContext, inputs: readonly Known[]): Known {
  const source = first(inputs);
  const { dims } = source;
  const permutation = op.attributes.ints('perm') ?? dims.map((_extent, axis) => dims.length - 1 - axis);
  if (permutation.toSorted((a, b) => a - b).join() !== dims.map((_extent, axis) => axis).join())
    throw op.fail(`perm ${permutation.slice(0, 8).join(', ')} is not a permutation of ${dims.length} dimensions`);
  const back = dims.map((_extent, axis) => permutation.indexOf(axis));
  return gathered(
    source,
    permutation.map((axis) => dims[axis] as number),
    (index) => back.map((axis) => index[axis] as number),
  );
}

function squeezed(op: OpContext, inputs: readonly Known[]): Known {
  const source = first(inputs);
  const { dims } = source;
  const asked = numbersAt(op, inputs, 1, 'axes') ?? dims.flatMap((extent, axis) => (extent === 1 ? [axis] : []));
  const gone = dimensionsOf(op, asked, dims.length);
  if (gone.some((axis) => dims[axis] !== 1)) throw op.fail(`axes ${asked.slice(0, 8).join(', ')} are not all of extent 1`);
  return { ...source, dims: dims.filter((_extent, axis) => !gone.includes(axis)) };
}

function unsqueezed(op: OpContext, inputs: readonly Known[]): Known {
  const source = first(inputs);
  const asked = numbersAt(op, inputs, 1, 'axes');
  if (asked === undefined) throw op.fail('it has no axes');
  const rank = source.dims.length + asked.length;
  if (rank > 8) throw op.fail('more than 8 dimensions');
  const added = dimensionsOf(op, asked, rank);
  const left = [...source.dims];
  return {
    ...source,
    dims: Array.from({ length: rank }, (_none, axis) => (added.includes(axis) ? 1 : (left.shift() as number))),
  };
}

function concatenated(op: OpContext, inputs: readonly Known[]): Known {
  const { dims, floating } = first(inputs);
  const [axis = 0] = dimensionsOf(op, [op.attributes.int('axis', 1)], dims.length);
  const rest = (of: readonly number[]): string => of.filter((_extent, at) => at !== axis).join();
  if (inputs.some((input) => input.floating !== floating || input.dims.length !== dims.length || rest(input.dims) !== rest(dims)))
    throw op.fail('its inputs are of different shapes or types');
  const inner = sizeOf(dims.slice(axis + 1));
  const values: Entry[] = [];
  for (let outer = 0; outer < sizeOf(dims.slice(0, axis)); outer++)
    for (const input of inputs) {
      const length = (input.dims[axis] as number) * inner;
      for (let at = 0; at < length; at++) values.push(input.values[outer * length + at] as Entry);
    }
  const extent = inputs.reduce((sum, input) => sum + (input.dims[axis] as number), 0);
  return { dims: dims.map((own, at) => (at === axis ? extent : own)), values, floating };
}

function picked(op: OpContext, inputs: readonly Known[]): Known {
  const [source, index] = inputs as readonly [Known, Known];
  const [axis = 0] = dimensionsOf(op, [op.attributes.int('axis', 0)], source.dims.length);
  const extent = source.dims[axis] as number;
  const places = Array.from(index.values, (place) => (typeof place === 'number' && place < 0 ? place + extent : place));
  if (index.floating || !places.every((place) => typeof place === 'number' && place >= 0 && place < extent))
    throw op.fail('an index outside its input');
  const dims = [...source.dims.slice(0, axis), ...index.dims, ...source.dims.slice(axis + 1)];
  const strides = stridesOf(index.dims);
  return gathered(source, dims, (at) => {
    const own = at.slice(axis, axis + index.dims.length);
    const place = own.reduce((sum, one, position) => sum + one * (strides[position] as number), 0);
    return [...at.slice(0, axis), places[place] as number, ...at.slice(axis + index.dims.length)];
  });
}

/** The places that a range names, as Slice counts them. */
function rangeOf(extent: number, start: number, end: number, step: number): number[] {
  const clamp = (place: number, least: number, most: number): number =>
    Math.min(Math.max(place < 0 ? place + extent : place, least), most);
  const places: number[] = [];
  if (step > 0) for (let at = clamp(start, 0, extent); at < clamp(end, 0, extent); at += step) places.push(at);
  else for (let at = clamp(start, 0, extent - 1); at > clamp(end, -1, extent - 1); at += step) places.push(at);
  return places;
}

/** The places on each axis that a Slice keeps. Axes that it does not name are missing. */
export function slicedPlaces(
  op: OpContext,
  extents: readonly (number | 'N')[],
  numbers: (index: number, name: string) => readonly number[] | undefined,
): ReadonlyMap<number, readonly number[]> {
  const [starts, ends] = [numbers(1, 'starts'), numbers(2, 'ends')];
  if (starts === undefined || ends?.length !== starts.length) throw op.fail('its starts and ends do not fit');
  const axes = dimensionsOf(op, numbers(3, 'axes') ?? starts.map((_start, axis) => axis), extents.length);
  const steps = numbers(4, 'steps') ?? starts.map(() => 1);
  if (axes.length !== starts.length || steps.length !== starts.length || steps.includes(0))
    throw op.fail('its axes and steps do not fit');
  const kept = new Map<number, readonly number[]>();
  axes.forEach((axis, at) => {
    const extent = extents[axis] as number | 'N';
    const [start, end, step] = [starts[at], ends[at], steps[at]] as [number, number, number];
    const isWhole = start === 0 && step === 1 && end >= 2 ** 31 - 1;
    if (extent !== 'N') kept.set(axis, rangeOf(extent, start, end, step));
    else if (!isWhole) throw op.fail('it would take some of the images');
  });
  return kept;
}

function sliced(op: OpContext, inputs: readonly Known[]): Known {
  const source = first(inputs);
  const kept = slicedPlaces(op, source.dims, (index, name) => numbersAt(op, inputs, index, name));
  const dims = source.dims.map((extent, axis) => kept.get(axis)?.length ?? extent);
  return gathered(source, dims, (index) => index.map((place, axis) => kept.get(axis)?.[place] ?? place));
}

function shapeOf(op: OpContext, inputs: readonly Known[]): Known {
  const { dims } = first(inputs);
  const values = dims.slice(op.attributes.int('start', 0), op.attributes.int('end', dims.length));
  return { dims: [values.length], values, floating: false };
}

function filled(op: OpContext, inputs: readonly Known[]): Known {
  const dims = numbersAt(op, inputs, 0, 'shape') ?? [];
  const given = op.attributes.any('value');
  const read = given?.kind === 'tensor' ? op.constants.read(given.value, 'value') : undefined;
  if (given !== undefined && read?.numbers.values.length !== 1) throw op.fail('its value is not one number');
  const floating = read === undefined || read.numbers.kind === 'floats';
  const size = sizeOf(dims);
  if (dims.some((extent) => extent < 0) || size > 65_536) throw op.fail(`a constant of ${dims.slice(0, 8).join('×')}`);
  return { dims, values: Array.from({ length: size }, () => read?.numbers.values[0] ?? 0), floating };
}

function expanded(op: OpContext, inputs: readonly Known[]): Known {
  const source = first(inputs);
  const asked = numbersAt(op, inputs, 1, 'shape') ?? [];
  const rank = Math.max(asked.length, source.dims.length);
  const own = [...Array.from({ length: rank - source.dims.length }, () => 1), ...source.dims];
  const wanted = [...Array.from({ length: rank - asked.length }, () => 1), ...asked];
  const dims = own.map((extent, axis) => (extent === 1 ? (wanted[axis] as number) : extent));
  if (dims.some((extent, axis) => extent < 0 || (wanted[axis] !== 1 && wanted[axis] !== extent)) || sizeOf(dims) > 2 ** 20)
    throw op.fail(`a constant of ${source.dims.join('×')} has no shape ${asked.slice(0, 8).join(', ')}`);
  return gathered({ ...source, dims: own }, dims, (index) => index.map((place, axis) => (own[axis] === 1 ? 0 : place)));
}

function clipped(op: OpContext, inputs: readonly Known[]): Known {
  const source = first(inputs);
  const bound = (index: 1 | 2, name: string, otherwise: number): number => {
    const attribute = op.opset < 11 ? op.attributes.any(name) : undefined;
    const given = attribute?.kind === 'float' ? attribute.value : inputs[index]?.values[0];
    if (given === 'N') throw op.fail('it computes with the number of images');
    return given ?? otherwise;
  };
  const [least, most] = [bound(1, 'min', -Infinity), bound(2, 'max', Infinity)];
  const values = Array.from(source.values, (value) => {
    if (value === 'N') throw op.fail('it computes with the number of images');
    return Math.min(Math.max(value, least), most);
  });
  return { ...source, values };
}

/** Most numbers of a Range. */
const mostRange = 65_536;

function ranged(op: OpContext, inputs: readonly Known[]): Known {
  const [start, end, step] = inputs.map(({ values }) => values[0]);
  if (typeof start !== 'number' || typeof end !== 'number' || typeof step !== 'number' || step === 0)
    throw op.fail('it computes with the number of images');
  const length = Math.max(0, Math.ceil((end - start) / step));
  if (!(length <= mostRange)) throw op.fail(`a range of ${length} numbers`);
  return { dims: [length], values: Array.from({ length }, (_none, at) => start + at * step), floating: first(inputs).floating };
}

const floats: readonly number[] = [dataType.float, dataType.float16, dataType.double, dataType.bfloat16];

function cast(op: OpContext, inputs: readonly Known[]): Known {
  const source = first(inputs);
  const floating = floats.includes(op.attributes.int('to', 0));
  op.attributes.ignore('saturate');
  if (source.floating === floating) return source;
  const values = Array.from(source.values);
  // The number of images stays a whole number.
  if (values.includes('N')) return source;
  return { ...source, floating, values: floating ? values : (values as number[]).map(Math.trunc) };
}

/** How many inputs it needs, and may have. */
type Row = readonly [least: number, most: number, fold: Fold];

const ofOne: ReadonlySet<string> = new Set([
  'Abs',
  'Ceil',
  'Floor',
  'Neg',
  'Reciprocal',
  'Sqrt',
] satisfies (keyof typeof elementwise)[]);

const folds: ReadonlyMap<string, Row> = new Map<string, Row>([
  ...Object.entries(elementwise).map(([name, row]): [string, Row] => {
    const count = ofOne.has(name) ? 1 : 2;
    return [name, [count, count, (op, inputs) => row(op, inputs)]];
  }),
  ['Cast', [1, 1, cast]],
  ['Clip', [1, 3, clipped]],
  ['Concat', [1, Infinity, concatenated]],
  ['ConstantOfShape', [1, 1, filled]],
  ['Expand', [2, 2, expanded]],
  ['Gather', [2, 2, picked]],
  ['Identity', [1, 1, (_op, inputs) => first(inputs)]],
  ['Range', [3, 3, ranged]],
  ['Reshape', [2, 2, reshaped]],
  ['Shape', [1, 1, shapeOf]],
  ['Slice', [1, 5, sliced]],
  ['Squeeze', [1, 2, squeezed]],
  ['Transpose', [1, 1, transposed]],
  ['Unsqueeze', [1, 2, unsqueezed]],
  ['Where', [3, 3, ternary]],
]);

export const isFolded = (operator: string): boolean => folds.has(operator);

/** The value of an operator whose inputs are all known; undefined where one is not, or the operator is none of these. */
export function folded(op: OpContext, operator: string): Value | undefined {
  const row = folds.get(operator);
  if (row === undefined || op.inputs.every((input) => input === undefined)) return undefined;
  const [least, most, fold] = row;
  const inputs: Known[] = [];
  for (const input of op.inputs) {
    const known = input === undefined ? { dims: [0], values: [], floating: false } : knownOf(input);
    if (known === undefined) return undefined;
    inputs.push(known);
  }
  if (inputs.length > most || op.inputs.slice(0, least).filter((input) => input !== undefined).length < least)
    throw op.fail(`it has ${inputs.length} inputs`);
  op.attributes.ignore('fmod');
  return knownValue(op, fold(op, inputs));
}
