/** Builds a network layer by layer, with shapes checked as each is added, and the image's normalisation. Independent of ONNX. */
import type { Affine } from '../../../network/affine.ts';
import { freeze, type Layer, type Network, type Node, type NodeId, type Shape } from '../../../network/network.ts';
import { parameterName, type ParameterRole } from '../../../network/parameters.ts';
import { formatShape, inferShapes } from '../../../network/shapes.ts';
import { nonNegativeNodes } from '../../../network/sign.ts';
import type { Tensor, Tensors } from '../../../network/tensor.ts';
import { must } from '../../../util/assert.ts';
import { canonicalJson } from '../../../util/json.ts';

/** Most channels, rows and columns, as in `networkSchema`. */
const mostExtent = 65_536;
/** Most numbers of one image's tensor: 1 GiB. */
const mostNumbers = 2 ** 28;

export type Roles = Partial<Record<ParameterRole, Tensor>>;

interface Entry {
  layer: Layer;
  readonly inputs: readonly NodeId[];
  tensors: Roles;
  readonly shape: Shape;
}

export type NetworkBuilder = ReturnType<typeof networkBuilder>;

const sameNumbers = (a: readonly number[], b: readonly number[]): boolean => a.every((value, index) => value === b[index]);

/** The shape of a layer's output; a string says why it does not fit those inputs. */
function shapeBehind(layer: Layer, inputs: readonly Shape[]): Shape | string {
  const nodes: Node[] = inputs.map((shape, id) => ({ id, layer: { kind: 'image', shape }, inputs: [] }));
  const node = { id: nodes.length, layer, inputs: nodes.map(({ id }) => id) };
  const shapes = inferShapes({ nodes: [...nodes, node] });
  // Without the number of the node, which the user does not know.
  if (typeof shapes === 'string') return shapes.replace(/^node \d+ \([a-z-]+\) /, '');
  const shape = must(shapes.get(node.id), 'shape');
  const { channels, height, width } = shape;
  return Math.max(channels, height, width) > mostExtent || channels * height * width > mostNumbers
    ? `it would give ${formatShape(shape)}`
    : shape;
}

const isSame = (entry: Entry, layer: Layer, inputs: readonly NodeId[]): boolean =>
  entry.layer.kind === layer.kind && canonicalJson([entry.layer, entry.inputs]) === canonicalJson([layer, inputs]);

/** `allowance`: most f32 of all weights and the arrays made from them. */
export function networkBuilder(image: Shape, allowance: number) {
  const entries: Entry[] = [{ layer: { kind: 'image', shape: image }, inputs: [], tensors: {}, shape: image }];
  let normalisation: Affine | null = null;
  let left = allowance;
  const entryOf = (node: NodeId): Entry => must(entries[node], `node ${node}`);
  return {
    image: 0,
    shapeOf: (node: NodeId): Shape => entryOf(node).shape,
    layerOf: (node: NodeId): Layer => entryOf(node).layer,
    inputsOf: (node: NodeId): readonly NodeId[] => entryOf(node).inputs,
    /** Adds a layer; a string says why it does not fit its inputs. */
    add(layer: Layer, inputs: readonly NodeId[], tensors: Roles): NodeId | string {
      const read = inputs.map((id) => entryOf(id).shape);
      const shape = shapeBehind(layer, read);
      if (typeof shape === 'string') return shape;
      // Several layers may read a tensor with the same zeros around it.
      const twin = layer.kind === 'pad' ? entries.findIndex((entry) => isSame(entry, layer, inputs)) : -1;
      if (twin >= 0) return twin;
      entries.push({ layer, inputs, tensors, shape });
      return entries.length - 1;
    },
    /** Adds to the bias of a convolution or dense layer. */
    addBias(node: NodeId, values: readonly number[]): void {
      const entry = entryOf(node);
      const old = entry.tensors.bias?.data;
      const data = Float32Array.from(values, (value, channel) => value + (old?.[channel] ?? 0));
      if (entry.layer.kind === 'convolution' || entry.layer.kind === 'depthwise') entry.layer = { ...entry.layer, bias: true };
      entry.tensors = { ...entry.tensors, bias: { shape: [values.length], data } };
    },
    /** Multiplies and adds to what a layer normalisation gives. */
    rescale(node: NodeId, scale: readonly number[], shift: readonly number[]): void {
      const entry = entryOf(node);
      const by = (role: 'scale' | 'shift', more: (channel: number) => number): Tensor => {
        const old = must(entry.tensors[role], role);
        return { ...old, data: old.data.map((value, channel) => value * (scale[channel] as number) + more(channel)) };
      };
      entry.tensors = { scale: by('scale', () => 0), shift: by('shift', (channel) => shift[channel] as number) };
    },
    /** Sets the image's normalisation. False where another layer reads it with another one. */
    normalise(affine: Affine): boolean {
      normalisation ??= affine;
      return sameNumbers(normalisation.scale, affine.scale) && sameNumbers(normalisation.shift, affine.shift);
    },
    /** Null where no layer reads the image. */
    normalisation: (): Affine | null => normalisation,
    /** Whether the node's output is never negative. */
    isNonNegative: (node: NodeId): boolean =>
      nonNegativeNodes({ nodes: entries.map(({ layer, inputs }, id) => ({ id, layer, inputs })) }).has(node),
    /** Accounts for so many f32. False where they exceed what the file's size justifies. */
    spend(numbers: number): boolean {
      left -= numbers;
      return left >= 0;
    },
    /** External data justifies so many f32 more. */
    allow: (numbers: number): void => void (left += numbers),
    /** The network that ends with that node, without layers on which it does not depend. */
    finish(output: NodeId): { readonly network: Network; readonly tensors: Tensors } {
      const needed = new Set<NodeId>([output]);
      for (let node = output; node > 0; node--) if (needed.has(node)) for (const input of entryOf(node).inputs) needed.add(input);
      const kept = [...needed].toSorted((a, b) => a - b);
      const ids = new Map(kept.map((node, id) => [node, id]));
      const tensors: Record<string, Tensor> = {};
      const nodes = kept.map((node, id): Node => {
        const { layer, inputs, tensors: own } = entryOf(node);
        for (const [role, tensor] of Object.entries(own)) tensors[parameterName(id, role as ParameterRole)] = tensor;
        return { id, layer, inputs: inputs.map((input) => must(ids.get(input), `node ${input}`)) };
      });
      return { network: freeze(nodes), tensors };
    },
  };
}
