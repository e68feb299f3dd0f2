/** A model's image input: size, layout and type of pixels. */
import { z } from 'zod';
import type { Shape } from '../../../network/network.ts';
import { UserError } from '../../../util/user-error.ts';
import { dataType, type ValueInfoProto } from '../proto.ts';
import { nchw, nhwc, type Dims } from './dims.ts';
import { quotedName } from './failure.ts';
import type { Graph } from './graph.ts';

export interface ImageInput {
  readonly layout: 'NCHW' | 'NHWC';
  /** Bytes from 0 to 255, or floats. */
  readonly type: 'uint8' | 'float';
  /** Null where the file does not fix them. */
  readonly channels: number | null;
  /** Null where the file does not fix both. */
  readonly size: { readonly height: number; readonly width: number } | null;
  /** The batch size; null where the file does not fix it. */
  readonly batch: number | null;
}

/** Most channels, rows and columns. */
export const largest = 4096;

/** Operators before the first layer. */
const preprocessing = new Set(['Cast', 'Identity', 'Mul', 'Sub', 'Add', 'Div']);

/** Whether a Transpose after casts and arithmetic moves channels from the last dimension to the second. */
function isTransposed(nodes: Graph['nodes'], input: string): boolean {
  const images = new Set([input]);
  for (const node of nodes) {
    if (!node.inputs.some((name) => images.has(name))) continue;
    const perm = node.attributes.find(({ name }) => name === 'perm');
    if (node.opType === 'Transpose' && perm?.kind === 'ints') return perm.value.join() === '0,3,1,2';
    if (!preprocessing.has(node.opType)) return false;
    for (const name of node.outputs) images.add(name);
  }
  return false;
}

/** Grey, or red, green and blue. */
export const isChannels = (extent: unknown): extent is 1 | 3 => extent === 1 || extent === 3;

/** Channels first or last, of an input of four dimensions. */
export const layoutOf = (nodes: Graph['nodes'], { name, shape }: Pick<ValueInfoProto, 'name' | 'shape'>): ImageInput['layout'] =>
  isTransposed(nodes, name) || (isChannels(shape?.[3]) && !isChannels(shape?.[1])) ? 'NHWC' : 'NCHW';

/** The checked description of the input. */
export function imageOf(graph: Graph, where: string): ImageInput {
  const { name, elementType, shape }: ValueInfoProto = graph.input;
  const called = `${where}: input ${quotedName(name)}`;
  const floats: readonly number[] = [dataType.float, dataType.float16, dataType.double];
  if (elementType !== dataType.uint8 && !floats.includes(elementType))
    throw new UserError(`${called} has elements that are neither uint8 nor floats`);
  if (shape === null) throw new UserError(`${called} has no shape`);
  if (shape.length !== 4) throw new UserError(`${called} has ${shape.length} dimensions; an image has 4`);
  const extents = shape.map((extent) => (typeof extent === 'number' && extent > 0 ? extent : null));
  const [batch = null, second = null, third = null, last = null] = extents;
  const layout = layoutOf(graph.nodes, graph.input);
  const [channels, height, width] = layout === 'NCHW' ? [second, third, last] : [last, second, third];
  const size = height === null || width === null ? null : { height, width };
  if (Math.max(channels ?? 1, height ?? 1, width ?? 1) > largest)
    throw new UserError(`${called} is of ${shape.map((extent) => extent ?? '?').join('×')}; at most ${largest} are supported`);
  return { layout, type: elementType === dataType.uint8 ? 'uint8' : 'float', channels, size, batch };
}

/** The image's layout. */
export const dimsOf = ({ layout }: ImageInput): Dims => (layout === 'NCHW' ? nchw : nhwc);

/** The input's extents in the rewritten model. */
export const extentsOf = ({ layout }: ImageInput, { channels, height, width }: Shape): readonly (number | string)[] =>
  layout === 'NCHW' ? ['N', channels, height, width] : ['N', height, width, channels];

const namesSchema = z.array(z.string().max(200)).min(2).max(65_536);

/** Class names in the metadata, a JSON list; null where there is none. Other programs may use this key differently. */
export function classNames(metadata: Readonly<Record<string, string>>): readonly string[] | null {
  try {
    const parsed = namesSchema.safeParse(JSON.parse(metadata['classes'] ?? 'null'));
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
}
