/**
 * Takes the outermost pixels off the kernels of a convolution, a depthwise one too: 5×5 becomes 3×3. An approximate morphism: exact where they
 * are zeros.
 */
import { freeze, isFrozen, nextId, type DilatedWindow, type Layer } from '../network/network.ts';
import { parameterName } from '../network/parameters.ts';
import type { EditOf } from './edit.ts';
import { normalizationsBehind } from './graph.ts';
import { anyWidth, lossy, type Operator } from './operator.ts';

/** The smallest kernel that it leaves. */
const least = 3;

/** The layer with the smaller kernel, which reads the same pixels in its middle; or why there is none. */
function shrunk(layer: Layer): (Layer & DilatedWindow) | string {
  if (layer.kind !== 'convolution' && layer.kind !== 'depthwise') return `(${layer.kind}) is no convolution`;
  if (isFrozen(layer)) return '(convolution) is frozen';
  const { kernel, padding, dilation = 1 } = layer;
  if (kernel - 2 < least) return `(${layer.kind}) has a kernel of ${kernel}×${kernel}`;
  if (padding < dilation) return `(${layer.kind}) has no padding to spare`;
  return { ...layer, kernel: kernel - 2, padding: padding - dilation };
}

export const shrinkKernel: Operator<EditOf<'shrink-kernel'>> = {
  fidelity: lossy,
  candidates: (network) =>
    network.nodes.filter(({ layer }) => typeof shrunk(layer) !== 'string').map(({ id }) => ({ kind: 'shrink-kernel', node: id })),
  rewrite(network, { node: id }) {
    const node = network.nodes.find((each) => each.id === id);
    if (node === undefined) return `there is no node ${id}`;
    const layer = shrunk(node.layer);
    if (typeof layer === 'string') return `node ${id} ${layer}`;
    const smaller = freeze(
      network.nodes.map((each) => (each.id === id ? { ...each, layer } : each)),
      nextId(network),
    );
    const from = parameterName(id, 'kernel');
    return {
      network: smaller,
      widths: new Map(),
      sources: { [from]: { kind: 'cropped', from } },
      identities: [],
      shifted: normalizationsBehind(smaller, [id]),
    };
  },
  keepsWidth: anyWidth,
  short: () => 'kernel−2',
  describe: ({ node }) => `shrink the kernel of ${node}`,
};
