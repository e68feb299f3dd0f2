/**
 * Removes a block that an insertion made (§3.2.1, §3.2.6) and that still gives back its input. The structure says which
 * blocks that could be; whether one is still the identity, the tensors say. It is in no method's set.
 */
import type { Node, NodeId } from '../network/network.ts';
import { parameterName, type ParameterRole } from '../network/parameters.ts';
import { nonNegativeNodes } from '../network/sign.ts';
import type { Tensor, Tensors } from '../network/tensor.ts';
import { must } from '../util/assert.ts';
import type { EditOf } from './edit.ts';
import { blockEndingAt, shapeIn, survey, type Survey, takeOut } from './graph.ts';
import { insertedKernels } from './identity-block.ts';
import { anyWidth, exact, type Operator } from './operator.ts';
import { identityKernel } from './tensors.ts';

/** The block that ends with this ReLU, where an insertion could have made it; or why none could. */
function insertedBlock(graph: Survey, nonNegative: ReadonlySet<NodeId>, id: NodeId): readonly Node[] | string {
  const block = blockEndingAt(graph, id);
  if (typeof block === 'string') return block;
  const input = must(block[0]?.inputs[0], 'input of the block');
  if (!nonNegative.has(input)) return `node ${input} (${graph.nodes.get(input)?.layer.kind}) may be negative`;
  const keepsShape = block.every(({ layer }, index) => {
    if (layer.kind !== 'convolution' && layer.kind !== 'depthwise') return true;
    const isInserted = insertedKernels.some((kernel) => kernel === layer.kernel) || (index > 0 && layer.kernel === 1);
    return isInserted && layer.dilation === undefined && layer.stride === 1 && layer.padding === (layer.kernel - 1) / 2;
  });
  return keepsShape && shapeIn(graph, input).channels === shapeIn(graph, id).channels
    ? block
    : `node ${id} (relu) does not end a block that an insertion makes`;
}

/** Of what a batch normalisation multiplies by and adds: roundings of f32, and far less than a step of training. */
const tolerance = 1e-5;

/** Whether a node of a block gives back its input, with running statistics, where that is not negative. */
function isIdentity({ id, layer }: Node, tensors: Tensors): boolean {
  const tensorOf = (role: ParameterRole): Tensor | undefined => tensors[parameterName(id, role)];
  if (layer.kind === 'relu') return true;
  if (layer.kind === 'batch-normalization') {
    const at = (role: ParameterRole, channel: number): number => tensorOf(role)?.data[channel] ?? Number.NaN;
    return must(tensorOf('scale'), 'scale').data.every((scale, channel) => {
      const gain = scale / Math.sqrt(at('variance', channel) + layer.epsilon);
      const mean = at('mean', channel);
      const offset = at('shift', channel) - gain * mean;
      return Math.abs(gain - 1) <= tolerance && Math.abs(offset) <= tolerance * Math.max(1, Math.abs(mean));
    });
  }
  const { shape, data } = must(tensorOf('kernel'), 'kernel');
  const identity = identityKernel(shape).data;
  return data.every((value, at) => value === identity[at]) && (tensorOf('bias')?.data.every((value) => value === 0) ?? true);
}

export const dropBlock: Operator<EditOf<'drop-block'>> = {
  fidelity: exact,
  candidates(network) {
    const [graph, nonNegative] = [survey(network), nonNegativeNodes(network)];
    return network.nodes
      .filter(({ id }) => typeof insertedBlock(graph, nonNegative, id) !== 'string')
      .map(({ id }) => ({ kind: 'drop-block', node: id }));
  },
  rewrite(network, { node }, tensors) {
    const block = insertedBlock(survey(network), nonNegativeNodes(network), node);
    if (typeof block === 'string') return block;
    const changed = tensors === undefined ? undefined : block.find((each) => !isIdentity(each, tensors));
    return changed === undefined
      ? { network: takeOut(network, block), widths: new Map(), sources: {}, identities: [] }
      : `node ${changed.id} (${changed.layer.kind}) is not the identity any more`;
  },
  keepsWidth: anyWidth,
  short: () => 'drop',
  describe: ({ node }) => `drop the block of ${node}`,
};
