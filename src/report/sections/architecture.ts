/** The winner's architecture: as a graph of blocks, as a graph of layers, and as a table of layers. */
import { multiplyAddsByNode, parametersByNode } from '../../network/cost.ts';
import type { Network } from '../../network/network.ts';
import { describeLayer } from '../../network/print.ts';
import { formatShape, shapesOf } from '../../network/shapes.ts';
import { networkOf } from '../../search/state.ts';
import { compositionOf } from '../../study/composition.ts';
import { formatWhole, plural } from '../../util/words.ts';
import { wordsOfChanges, type Difference } from '../compare.ts';
import { inlineSvg } from '../figure.ts';
import { layerGroupsOf } from '../../network/fold.ts';
import { drawNetwork } from '../graph.ts';
import { html, type Markup } from '../markup.ts';
import type { Subject } from '../subject.ts';
import { anchorOf, folded, scrolling, section, type Place } from './parts.ts';

/** `difference`: from its parent; layers that changed are marked then, and a column says how. */
export function layerTable(network: Network, place: Place, difference?: Difference): Markup {
  const shapes = shapesOf(network);
  const [parameters, multiplyAdds] = [parametersByNode(network), multiplyAddsByNode(network)];
  const blocks = layerGroupsOf(network);
  const starts = new Set(blocks.map(({ nodes }) => nodes[0]?.id));
  const rows = network.nodes.map(({ id, layer, inputs }) => {
    const shape = shapes.get(id);
    const number = (value: number | undefined): string => (value === undefined || value === 0 ? '' : formatWhole(value));
    const changes = difference?.changes.get(id) ?? [];
    const kind = changes.length === 0 ? '' : changes[0]?.kind === 'added' ? ' added' : ' altered';
    return html`<tr id="${anchorOf(place, `node-${id}`)}" class="${starts.has(id) ? 'first' : ''}${kind}">
      <th scope="row" class="number">${id}</th>
      <td>${describeLayer(layer)}</td>
      <td>${inputs.join(', ')}</td>
      <td>${shape === undefined ? '' : formatShape(shape)}</td>
      <td class="number">${number(parameters.get(id))}</td>
      <td class="number">${number(multiplyAdds.get(id))}</td>
      ${difference === undefined ? null : html`<td>${changes.length === 0 ? null : html`<span class="key-${kind.trim()}">${kind === ' added' ? '+' : '~'} ${wordsOfChanges(changes)}</span>`}</td>`}
    </tr>`;
  });
  return html`<table class="layers">
    <caption>
      Each layer: what it reads, the shape that it gives, trained parameters, multiply-adds an image
    </caption>
    <thead>
      <tr>
        <th scope="col" class="number">layer</th>
        <th scope="col">what</th>
        <th scope="col">reads</th>
        <th scope="col">gives</th>
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

export function architectureSection(subject: Subject, place: Place): Markup | null {
  const { best, grown, state } = subject;
  const id = best ?? grown;
  if (id === null) return null;
  const network = networkOf(state.search, id);
  const layers = compositionOf(network).layers;
  const words = `${plural(layers, 'layer')} in ${plural(layerGroupsOf(network).length - 1, 'block')}`;
  const anchor = (node: number): string => anchorOf(place, `node-${node}`);
  const graph = (foldedBlocks: boolean, label: string): Markup =>
    html`<div class="graph zoomable">
      ${scrolling(label, inlineSvg(drawNetwork(network, { folded: foldedBlocks, anchor }), label, 'network', 'group'))}
    </div>`;
  return section(
    place,
    'architecture',
    'The architecture',
    html`<p>
      The ${subject.state.search.finished ? 'winner' : 'best network so far'} has ${words}. Each box is a block, with the shape
      that it gives (channels × height × width) and its parameters; dashed boxes pool, round ones merge. A box leads to its layers
      in the table below it.
    </p>`,
    graph(true, `The architecture of ${id}: ${words}`),
    folded('Every layer as a box', graph(false, `The architecture of ${id}, ${plural(layers, 'layer')}`)),
    folded('Every layer as a table', scrolling('Layers', layerTable(network, place))),
  );
}
