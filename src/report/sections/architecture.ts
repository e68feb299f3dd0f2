/** The architecture of the best network: a graph of blocks, a graph of layers, and a table of layers. */
import { multiplyAddsByNode, parametersByNode } from '../../network/cost.ts';
import type { Network } from '../../network/network.ts';
import { describeLayer } from '../../network/print.ts';
import { networkOf } from '../../search/state.ts';
import { compositionOf } from '../../study/composition.ts';
import { formatWhole, plural } from '../../util/words.ts';
import { describeChanges, shapeTexts, type Difference } from '../compare.ts';
import { inlineSvg } from '../figure.ts';
import { layerGroupsOf } from '../../network/fold.ts';
import { drawNetwork } from '../graph.ts';
import { html, type Markup } from '../markup.ts';
import type { RunDetails } from '../run-details.ts';
import { anchorOf, folded, scrolling, section } from './parts.ts';

/** `difference`: from the parent; changed layers are marked, and a column describes the change. */
export function layerTable(network: Network, prefix: string, difference?: Difference): Markup {
  const shapeOf = shapeTexts(network);
  const [parameters, multiplyAdds] = [parametersByNode(network), multiplyAddsByNode(network)];
  const blocks = layerGroupsOf(network);
  const starts = new Set(blocks.map(({ nodes }) => nodes[0]?.id));
  const rows = network.nodes.map(({ id, layer, inputs }) => {
    const number = (value: number | undefined): string => (value === undefined || value === 0 ? '' : formatWhole(value));
    const changes = difference?.changes.get(id) ?? [];
    const kind = changes.length === 0 ? '' : changes[0]?.kind === 'added' ? ' added' : ' altered';
    return html`<tr id="${anchorOf(prefix, `node-${id}`)}" class="${starts.has(id) ? 'first' : ''}${kind}">
      <th scope="row" class="number">${id}</th>
      <td>${describeLayer(layer)}</td>
      <td>${inputs.join(', ')}</td>
      <td>${shapeOf(id)}</td>
      <td class="number">${number(parameters.get(id))}</td>
      <td class="number">${number(multiplyAdds.get(id))}</td>
      ${difference === undefined ? null : html`<td>${changes.length === 0 ? null : html`<span class="key-${kind.trim()}">${kind === ' added' ? '+' : '~'} ${describeChanges(changes)}</span>`}</td>`}
    </tr>`;
  });
  return html`<table class="layers">
    <caption>
      Layers with inputs, output shape (channels × height × width), trained parameters, multiply-adds per image
    </caption>
    <thead>
      <tr>
        <th scope="col" class="number">layer</th>
        <th scope="col">type</th>
        <th scope="col">inputs</th>
        <th scope="col">output</th>
        <th scope="col" class="number">parameters</th>
        <th scope="col" class="number">multiply-adds</th>
        ${difference === undefined ? null : html`<th scope="col">change</th>`}
      </tr>
    </thead>
    <tbody>
      ${rows}
    </tbody>
  </table>`;
}

export function architectureSection(run: RunDetails, prefix: string): Markup | null {
  const { search } = run.state;
  const id = run.best ?? run.grown;
  if (id === null) return null;
  const network = networkOf(search, id);
  const layers = compositionOf(network).layers;
  const size = `${plural(layers, 'layer')} in ${plural(layerGroupsOf(network).length - 1, 'block')}`;
  const anchor = (node: number): string => anchorOf(prefix, `node-${node}`);
  const graph = (foldedBlocks: boolean, label: string): Markup =>
    html`<div class="graph zoomable">
      ${scrolling(label, inlineSvg(drawNetwork(network, { folded: foldedBlocks, anchor }), label, 'network', 'group'))}
    </div>`;
  return section(
    prefix,
    'architecture',
    'Architecture',
    html`<p>
      The ${search.finished ? 'winner' : 'best network so far'} has ${size}. Each box is a block with its output shape (channels ×
      height × width) and parameters; dashed boxes are pooling, rounded ones merges. Boxes link to the table of layers below.
    </p>`,
    graph(true, `The architecture of ${id}: ${size}`),
    folded('All layers as a graph', graph(false, `The architecture of ${id}, ${plural(layers, 'layer')}`)),
    folded('All layers as a table', scrolling('Layers', layerTable(network, prefix))),
  );
}
