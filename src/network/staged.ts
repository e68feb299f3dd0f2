/** Stand-in. */
import { freeze, type Layer, type Network, type Node, type Shape } from './network.ts';
import { convolution, epsilon, maxPool } from './vanilla.ts';

export function stagedNetwork(input: Shape, classes: number, widths: readonly number[]): Network {
  const nodes: Node[] = [{ id: 0, layer: { kind: 'image', shape: input }, inputs: [] }];
  const append = (...layers: Layer[]): void => {
    for (const layer of layers) nodes.push({ id: nodes.length, layer, inputs: [nodes.length - 1] });
  };
  const normal: Layer[] = [{ kind: 'batch-normalization', epsilon }, { kind: 'relu' }];
  const [stem = 16, ...stages] = widths;
  append(convolution(stem, 3), ...normal);
  let side = Math.min(input.height, input.width);
  for (const width of stages) {
    append(convolution(width, 3), maxPool(2), ...normal, convolution(width, 3), ...normal);
    side = Math.floor(side / 2);
  }
  append({ kind: 'max-pool', kernel: side, stride: side, padding: 0 }, { kind: 'dense', features: classes });
  return freeze(nodes);
}
