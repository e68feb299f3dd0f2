/** A network as a graph: blocks from top to bottom, laid out by dagre. Changes since the parent can be marked. */
import { Graph, layout } from '@dagrejs/dagre';
import { curveMonotoneY, line } from 'd3-shape';
import { multiplyAddsByNode, parametersByNode } from '../network/cost.ts';
import { layerGroupsOf, describeGroup, unfolded, type LayerGroup } from '../network/fold.ts';
import type { LayerKind, Network, NodeId } from '../network/network.ts';
import { describeLayer } from '../network/print.ts';
import { must } from '../util/assert.ts';
import { formatCount, formatWhole } from '../util/words.ts';
import { rounded, type Point } from './chart.ts';
import { shapeTexts, type Change, type Difference } from './compare.ts';
import type { Svg } from './figure.ts';
import { coordinate, html, raw, type Markup } from './markup.ts';

interface GraphOptions {
  /** Conv–BN–ReLU as one box. */
  readonly folded: boolean;
  readonly difference?: Difference;
  /** The anchor that the box of a node links to. */
  readonly anchor?: (id: NodeId) => string;
  /** For an interactive page: boxes are buttons with `data-block`, not in the tab order. Without anchors. */
  readonly buttons?: boolean;
}

/** The box of a block: its top left corner and size. */
export interface Box {
  readonly block: LayerGroup;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly change: 'added' | 'altered' | null;
}

export interface NetworkSvg extends Svg {
  /** In the network's order. */
  readonly boxes: readonly Box[];
}

const boxHeight = 38;
const letter = 6.4;
const margin = 8;

const boxClasses: { readonly [K in LayerKind]: string } = {
  image: 'ends',
  convolution: '',
  depthwise: '',
  'batch-normalization': '',
  'layer-normalization': '',
  'response-normalization': '',
  relu: '',
  activation: '',
  'max-pool': 'pool',
  'average-pool': 'pool',
  pad: '',
  'global-average-pool': 'pool',
  dense: 'ends',
  select: '',
  add: 'merge',
  product: 'merge',
  convex: 'merge',
  concat: 'merge',
};

/** The most important first. */
const changeOrder: readonly Change['kind'][] = ['altered', 'added', 'rewired', 'grown'];

interface BlockChange {
  readonly kind: 'added' | 'altered';
  readonly text: string;
}

/** A block is new where all its nodes are. */
function changeOf({ nodes }: LayerGroup, difference: Difference | undefined): BlockChange | null {
  const found = nodes.flatMap(({ id }) => difference?.changes.get(id) ?? []);
  const [first] = found.toSorted((a, b) => changeOrder.indexOf(a.kind) - changeOrder.indexOf(b.kind));
  if (first === undefined) return null;
  if (nodes.every(({ id }) => difference?.changes.get(id)?.[0]?.kind === 'added')) return { kind: 'added', text: 'new' };
  return { kind: 'altered', text: first.kind === 'added' ? 'partly new' : first.text };
}

/** A block with its text, before the layout. `title`: a tooltip, with a line per layer. */
type BoxText = ReturnType<typeof boxTexts>[number];

function boxTexts(network: Network, { folded, difference }: GraphOptions) {
  const shapeOf = shapeTexts(network);
  const [parameters, multiplyAdds] = [parametersByNode(network), multiplyAddsByNode(network)];
  const amount = (count: number, unit: string): string => (count === 0 ? '' : `${formatWhole(count)} ${unit}`);
  const join = (parts: readonly string[], between: string): string => parts.filter((part) => part !== '').join(between);
  return (folded ? layerGroupsOf(network) : unfolded(network)).map((block) => {
    const own = block.nodes.reduce((sum, { id }) => sum + (parameters.get(id) ?? 0), 0);
    const change = changeOf(block, difference);
    const first = describeGroup(block);
    const second = join([shapeOf(block.id), own === 0 ? '' : formatCount(own)], ' · ');
    const title = block.nodes.map(({ id, layer }) => {
      const costs = [amount(parameters.get(id) ?? 0, 'parameters'), amount(multiplyAdds.get(id) ?? 0, 'multiply-adds')];
      return join([`${id}: ${describeLayer(layer)}`, shapeOf(id), ...costs], ', ');
    });
    const longest = Math.max(first.length, second.length, (change?.text.length ?? 0) + 2);
    const [width, height] = [Math.max(84, Math.ceil(longest * letter) + 18), boxHeight + (change === null ? 0 : 14)];
    return { block, first, second, title: title.join('\n'), change, width, height };
  });
}

/** `at`: the centre of the box. */
function boxMarkup(text: BoxText, { x, y }: Point, { anchor, buttons = false }: GraphOptions): Markup {
  const { block, first, second, title, change, width, height } = text;
  const boxClass = boxClasses[(block.nodes[0] as LayerGroup['nodes'][number]).layer.kind];
  const className = ['box', boxClass, change?.kind ?? ''].filter((name) => name !== '').join(' ');
  const top = y - height / 2;
  const lineAt = (at: number, classes: string, content: string): Markup =>
    html`<text class="${classes}" x="${coordinate(x)}" y="${coordinate(top + at)}">${content}</text>`;
  // Spaces between the lines keep the button's text equal to its accessible name.
  const space = buttons ? ' ' : '';
  const changed =
    change === null
      ? null
      : lineAt(44, `small middle ${change.kind}-text`, `${change.kind === 'added' ? '+' : '~'} ${change.text}`);
  const box = html`<title>${title}</title
    ><rect
      class="${className}"
      x="${coordinate(x - width / 2)}"
      y="${coordinate(top)}"
      width="${width}"
      height="${height}"
      rx="${boxClass === 'merge' ? 16 : 5}"
    />${lineAt(16, 'middle', first)}${space}${lineAt(30, 'small quiet middle', second)}${space}${changed}`;
  if (buttons) {
    const name = [first, second, change?.text ?? ''].filter((part) => part !== '').join(' ');
    return html`<g role="button" tabindex="-1" data-block="${block.id}" aria-label="${name}">${box}</g>`;
  }
  return anchor === undefined ? html`<g>${box}</g>` : html`<a href="#${anchor(block.id)}">${box}</a>`;
}

const curve = line<Point>(
  ({ x }) => x,
  ({ y }) => y,
).curve(curveMonotoneY);

/** An edge with its arrow head. */
function edgeMarkup(points: readonly Point[], end: Point, isNew: boolean): Markup {
  const added = raw(isNew ? ' added' : '');
  return html`<path class="edge${added}" d="${rounded(curve([...points, { x: end.x, y: end.y - 5 }]))}" /><path
      class="tip${added}"
      d="M${coordinate(end.x - 3.5)} ${coordinate(end.y - 6)}h7l-3.5 6z"
    />`;
}

type Edge = { readonly v: string; readonly w: string };

export function drawNetwork(network: Network, options: GraphOptions): NetworkSvg {
  const texts = boxTexts(network, options);
  const graph = new Graph();
  graph.setGraph({ rankdir: 'TB', nodesep: 22, ranksep: 24, marginx: margin, marginy: margin });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const { block, width, height } of texts) graph.setNode(String(block.id), { width, height });
  for (const { block } of texts) for (const input of new Set(block.inputs)) graph.setEdge(String(input), String(block.id), {});
  layout(graph);

  const byName = new Map(texts.map((text) => [String(text.block.id), text]));
  const centreOf = (name: string): Point => graph.node(name) as Point;
  const pointsOf = (edge: Edge): readonly Point[] => (graph.edge(edge) as { points: Point[] }).points;
  /** Where an edge meets a box: on its upper or lower side, as near to the edge's other end as the side allows. */
  const port = (name: string, towards: Point, side: -1 | 1): Point => {
    const { x, y } = centreOf(name);
    const { width, height } = must(byName.get(name), `box ${name}`);
    const reach = Math.max(0, width / 2 - 14);
    return { x: Math.min(x + reach, Math.max(x - reach, towards.x)), y: y + (side * height) / 2 };
  };
  const edges = graph.edges().map((edge: Edge): Markup => {
    const { v, w } = edge;
    const inner = pointsOf(edge).slice(1, -1);
    const start = port(v, inner[0] ?? centreOf(w), 1);
    const end = port(w, inner.at(-1) ?? centreOf(v), -1);
    const isNew = [v, w].some((name) => byName.get(name)?.change?.kind === 'added');
    return edgeMarkup([start, ...inner], end, isNew);
  });
  const nodes = texts.map((text) => boxMarkup(text, centreOf(String(text.block.id)), options));

  // dagre's size covers the boxes, but an edge around them may lie outside.
  const bends = graph.edges().flatMap((edge: Edge) => pointsOf(edge).map(({ x }) => x));
  const size = graph.graph() as { width?: number; height?: number };
  const shift = Math.max(0, Math.ceil(margin / 2 - Math.min(margin, ...bends)));
  const content = html`${edges}${nodes}`;
  const boxes = texts.map(({ block, change, width, height }): Box => {
    const { x, y } = centreOf(String(block.id));
    return { block, x: shift + x - width / 2, y: y - height / 2, width, height, change: change?.kind ?? null };
  });
  return {
    width: Math.ceil(Math.max(size.width ?? 100, Math.max(0, ...bends) + margin / 2)) + shift,
    height: Math.ceil(size.height ?? 100),
    content: shift === 0 ? content : html`<g transform="translate(${shift} 0)">${content}</g>`,
    boxes,
  };
}
