/** Describes a model as an image classifier, from the graph's inputs and outputs and the metadata. Nothing is run. */
import { UserError } from '../../util/user-error.ts';
import { quotedName } from './read/failure.ts';
import { classNames, isChannels, largest, layoutOf } from './read/image.ts';
import { dataType, type GraphProto, type ModelProto, type ValueInfoProto } from './proto.ts';

export type ElementType = 'uint8' | 'float32';
export type Layout = 'NCHW' | 'NHWC';

export interface Classifier {
  readonly input: {
    readonly name: string;
    readonly elementType: ElementType;
    readonly layout: Layout;
    readonly channels: 1 | 3;
    /** Null: any. */
    readonly height: number | null;
    readonly width: number | null;
    /** Images in a batch; null: any. */
    readonly batch: number | null;
  };
  /** Logits, probabilities or other scores. */
  readonly output: string;
  /** Number of classes; null where the file does not say. */
  readonly count: number | null;
  /** Views that an exported file averages, by its metadata; null where it says nothing. */
  readonly views: string | null;
  /** The name of the data that an exported network was trained on; null where the file does not say. */
  readonly dataset: string | null;
  /** Class names in the metadata; null where there are none. */
  readonly classes: readonly string[] | null;
  /** All of the metadata. */
  readonly metadata: Readonly<Record<string, string>>;
}

const elementTypes: Readonly<Record<number, ElementType>> = { [dataType.uint8]: 'uint8', [dataType.float]: 'float32' };

const extents = ({ shape }: ValueInfoProto): string =>
  shape === null ? '?' : shape.map((extent) => (typeof extent === 'string' ? quotedName(extent) : (extent ?? '?'))).join('×');

const known = (extent: number | string | null | undefined): number | null =>
  typeof extent === 'number' && extent > 0 ? extent : null;

function inputOf(graph: GraphProto, where: string): Classifier['input'] {
  const constants = new Set(graph.initializers.map(({ name }) => name));
  const inputs = graph.inputs.filter(({ name }) => !constants.has(name));
  const [input] = inputs;
  if (input === undefined || inputs.length > 1)
    throw new UserError(
      `${where}: takes ${inputs.length === 0 ? 'no input' : `${inputs.length} inputs (${inputs.map(({ name }) => quotedName(name)).join(', ')})`}, not one image`,
    );
  const called = `${where}: its input ${quotedName(input.name)} of ${extents(input)}`;
  const elementType = elementTypes[input.elementType];
  if (elementType === undefined)
    throw new UserError(`${called} takes elements of type ${input.elementType}, not uint8 or float32`);
  const { shape } = input;
  if (shape === null || shape.length !== 4) throw new UserError(`${called} is not a batch of images`);
  const layout: Layout = layoutOf(graph.nodes, input);
  const [channels, height, width] = layout === 'NCHW' ? shape.slice(1) : [shape[3], shape[1], shape[2]];
  if (!isChannels(channels)) throw new UserError(`${called} has neither 1 nor 3 channels`);
  const sides = [known(height), known(width)] as const;
  if (sides.some((side) => side !== null && side > largest)) throw new UserError(`${called} takes images that are too large`);
  return {
    name: input.name,
    elementType,
    layout,
    channels,
    height: sides[0],
    width: sides[1],
    batch: known(shape[0]),
  };
}

/** A UserError, which begins with `where`, for a model that is not an image classifier. */
export function describeClassifier(model: ModelProto, where: string): Classifier {
  const { graph } = model;
  const input = inputOf(graph, where);
  const vectors = graph.outputs.filter(({ elementType, shape }) => {
    if (elementType !== dataType.float) return false;
    return shape === null || (shape.length >= 2 && shape.slice(2).every((extent) => extent === 1));
  });
  const output = vectors.find(({ name }) => name === 'logits') ?? vectors[0];
  if (output === undefined)
    throw new UserError(
      `${where}: none of its outputs (${graph.outputs.map((one) => `${quotedName(one.name)} of ${extents(one)}`).join(', ')}) is a vector of float32 for each image`,
    );
  const count = known(output.shape?.[1]);
  const classes = classNames(model.metadata);
  if (count !== null && count < 2)
    throw new UserError(`${where}: its output ${quotedName(output.name)} has one class; a classifier has at least two`);
  if (classes !== null && count !== null && classes.length !== count)
    throw new UserError(`${where}: names ${classes.length} classes but outputs ${count} numbers for each image`);
  return {
    input,
    output: output.name,
    count,
    classes,
    views: model.metadata['views'] ?? null,
    dataset: model.metadata['dataset'] ?? null,
    metadata: model.metadata,
  };
}
