/** A network drawn: blocks from top to bottom, laid out by dagre. What changed since its parent can be marked. */
import { Graph, layout } from '@dagrejs/dagre';
import { curveMonotoneY, line } from 'd3-shape';
import { multiplyAddsByNode, parametersByNode } from '../network/cost.ts';
import type { LayerKind, Network, NodeId } from '../network/network.ts';
import { describeLayer } from '../network/print.ts';
import { formatShape, shapesOf } from '../network/shapes.ts';
import { must } from '../util/assert.ts';
import { formatCount, formatWhole } from '../util/words.ts';
import type { Point } from './chart.ts';
import type { Change, Difference } from './compare.ts';
import type { Drawing } from './figure.ts';
import { layerGroupsOf, describeGroup, unfolded, type LayerGroup } from '../network/fold.ts';
import { coordinate, html, raw, type Markup } from './markup.ts';

export interface GraphOptions {
  /** Conv–BN–ReLU as one. */
  readonly folded: boolean;
  readonly difference?: Difference;
  /** Where the block of a node is explained: the anchor. */
  readonly anchor?: (id: NodeId) => string;
  /** For a page that reacts: each box is a button out of the tab order, and `data-block` says which. Then without anchors. */
  readonly buttons?: boolean;
}

/** Where a block is drawn: its box's corner and sides. */
export interface Box {
  readonly block: LayerGroup;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly change: 'added' | 'altered' | null;
}

export interface NetworkDrawing extends Drawing {
  /** In the network's order. */
  readonly boxes: readonly Box[];
}

const height = 38;
const letter = 6.4;
const margin = 8;

const forms: { readonly [K in LayerKind]: string } = {
  image: 'ends',
  convolution: '',
  depthwise: '',
  'batch-normalization': '',
  relu: '',
  'max-pool': 'pool',
  'global-average-pool': 'pool',
  dense: 'ends',
  add: 'merge',
  convex: 'merge',
  concat: 'merge',
};

interface Costs {
  readonly parameters: ReadonlyMap<NodeId, number>;
  readonly multiplyAdds: ReadonlyMap<NodeId, number>;
}

const totalOf = (costs: ReadonlyMap<NodeId, number>, { nodes }: LayerGroup): number =>
  nodes.reduce((sum, { id }) => sum + (costs.get(id) ?? 0), 0);

/** What happened to a block: it is new where all its nodes are. */
function changeOf(
  { nodes }: LayerGroup,
  difference: Difference | undefined,
): { readonly kind: 'added' | 'altered'; readonly words: string } | null {
  if (difference === undefined) return null;
  const found = nodes.flatMap(({ id }) => difference.changes.get(id) ?? []);
  if (found.length === 0) return null;
  if (nodes.every(({ id }) => difference.changes.get(id)?.[0]?.kind === 'added')) return { kind: 'added', words: 'new' };
  const wordsOf = (change: Change): string => (change.kind === 'added' ? 'partly new' : change.words);
  const [first] = found.toSorted((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind));
  return first === undefined ? null : { kind: 'altered', words: wordsOf(first) };
}

const order: readonly Change['kind'][] = ['altered', 'added', 'rewired', 'grown'];

export function drawNetwork(network: Network, { folded, difference, anchor, buttons = false }: GraphOptions): NetworkDrawing {
  const blocks = folded ? layerGroupsOf(network) : unfolded(network);
  const shapes = shapesOf(network);
  const costs: Costs = { parameters: parametersByNode(network), multiplyAdds: multiplyAddsByNode(network) };
  const boxes = blocks.map((block) => {
    const shape = shapes.get(block.id);
    const own = totalOf(costs.parameters, block);
    const change = changeOf(block, difference);
    const first = describeGroup(block);
    const second = `${shape === undefined ? '' : formatShape(shape)}${own === 0 ? '' : ` · ${formatCount(own)}`}`;
    const mark = change === null ? '' : change.words;
    const width = Math.max(84, Math.ceil(Math.max(first.length, second.length, mark.length + 2) * letter) + 18);
    return { block, first, second, change, width, height: height + (change === null ? 0 : 14) };
  });
  const graph = new Graph();
  graph.setGraph({ rankdir: 'TB', nodesep: 22, ranksep: 24, marginx: margin, marginy: margin });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const { block, width, height: tall } of boxes) graph.setNode(String(block.id), { width, height: tall });
  for (const { block } of boxes) for (const input of new Set(block.inputs)) graph.setEdge(String(input), String(block.id), {});
  layout(graph);

  const boxOf = new Map(boxes.map((box) => [String(box.block.id), box]));
  const curve = line<Point>(
    ({ x }) => Number(coordinate(x)),
    ({ y }) => Number(coordinate(y)),
  ).curve(curveMonotoneY);
  /** Where an edge meets a box: below or above the place that it comes from, within the box. */
  const port = (name: string, towards: Point, side: 'top' | 'bottom'): Point => {
    const { x, y } = graph.node(name) as Point;
    const { width, height: tall } = must(boxOf.get(name), `box ${name}`);
    const reach = Math.max(0, width / 2 - 14);
    return { x: Math.min(x + reach, Math.max(x - reach, towards.x)), y: side === 'top' ? y - tall / 2 : y + tall / 2 };
  };
  // dagre leaves room for boxes alone: an edge that goes around them may lead outside.
  const bends = graph
    .edges()
    .flatMap((edge: { readonly v: string; readonly w: string }) =>
      (graph.edge(edge) as { points: Point[] }).points.map(({ x }) => x),
    );
  const size = graph.graph() as { width?: number; height?: number };
  const shift = Math.max(0, Math.ceil(margin / 2 - Math.min(margin, ...bends)));
  const across = Math.ceil(Math.max(size.width ?? 100, Math.max(0, ...bends) + margin / 2)) + shift;
  const down = Math.ceil(size.height ?? 100);
  const edges = graph.edges().map(({ v, w }: { readonly v: string; readonly w: string }): Markup => {
    const points = (graph.edge({ v, w }) as { points: Point[] }).points;
    const inner = points.slice(1, -1);
    const start = port(v, inner[0] ?? (graph.node(w) as Point), 'bottom');
    const end = port(w, inner.at(-1) ?? (graph.node(v) as Point), 'top');
    const added = boxOf.get(v)?.change?.kind === 'added' || boxOf.get(w)?.change?.kind === 'added' ? ' added' : '';
    const drawn = curve([start, ...inner, { x: end.x, y: end.y - 5 }]) ?? '';
    const round = drawn.replaceAll(/-?\d+\.\d+/g, (number) => coordinate(Number(number)));
    return html`<path class="edge${raw(added)}" d="${round}" /><path
        class="tip${raw(added)}"
        d="M${coordinate(end.x - 3.5)} ${coordinate(end.y - 6)}h7l-3.5 6z"
      />`;
  });
  const nodes = boxes.map(({ block, first, second, change, width, height: tall }): Markup => {
    const { x, y } = graph.node(String(block.id)) as Point;
    const form = forms[(block.nodes[0] as LayerGroup['nodes'][number]).layer.kind];
    const className = ['box', form, change?.kind ?? ''].filter((name) => name !== '').join(' ');
    const top = y - tall / 2;
    const title = block.nodes
      .map(({ id, layer }) => {
        const given = shapes.get(id);
        const [own, cost] = [costs.parameters.get(id) ?? 0, costs.multiplyAdds.get(id) ?? 0];
        return [
          `${id}: ${describeLayer(layer)}`,
          given === undefined ? '' : formatShape(given),
          own === 0 ? '' : `${formatWhole(own)} parameters`,
          cost === 0 ? '' : `${formatWhole(cost)} multiply-adds`,
        ]
          .filter((part) => part !== '')
          .join(', ');
      })
      .join('\n');
    const rounded = form === 'merge' ? 16 : 5;
    // So that the words of a button are those that it is named by.
    const space = buttons ? ' ' : '';
    const box = html`<title>${title}</title
      ><rect
        class="${className}"
        x="${coordinate(x - width / 2)}"
        y="${coordinate(top)}"
        width="${width}"
        height="${tall}"
        rx="${rounded}"
      /><text class="middle" x="${coordinate(x)}" y="${coordinate(top + 16)}">${first}</text>${space}<text
        class="small quiet middle"
        x="${coordinate(x)}"
        y="${coordinate(top + 30)}"
        >${second}</text
      >${space}${change === null ? null : html`<text class="small middle ${change.kind}-text" x="${coordinate(x)}" y="${coordinate(top + 44)}">${change.kind === 'added' ? '+ ' : '~ '}${change.words}</text>`}`;
    if (buttons) {
      const name = [first, second, change?.words ?? ''].filter((part) => part !== '').join(' ');
      return html`<g role="button" tabindex="-1" data-block="${block.id}" aria-label="${name}">${box}</g>`;
    }
    return anchor === undefined ? html`<g>${box}</g>` : html`<a href="#${anchor(block.id)}">${box}</a>`;
  });
  const placed = boxes.map(({ block, change, width, height: tall }): Box => {
    const { x, y } = graph.node(String(block.id)) as Point;
    return { block, x: shift + x - width / 2, y: y - tall / 2, width, height: tall, change: change?.kind ?? null };
  });
  const content = html`${edges}${nodes}`;
  return {
    width: across,
    height: down,
    content: shift === 0 ? content : html`<g transform="translate(${shift} 0)">${content}</g>`,
    boxes: placed,
  };
}
