/**
 * The graph of a network, drawn by the report: zoomed, dragged, folded to blocks, with the difference from its parent marked, and
 * a map of the whole beside it.
 */
import { useSignal, type Signal } from '@preact/signals';
import type { RefObject } from 'preact';
import { useLayoutEffect, useMemo, useRef } from 'preact/hooks';
import type { Network, NodeId } from '../../../network/network.ts';
import type { Difference } from '../../../report/compare.ts';
import { drawNetwork, type NetworkSvg } from '../../../report/graph.ts';
import { useDrag, useViewport, type Viewport, type Zoomed } from './viewport.ts';

const zoomStep = 1.3;

/** Buttons, and the keys that do the same. */
const zooms: readonly { keys: string; text: string; label: string; act(zoomed: Zoomed): void }[] = [
  { keys: '+=', text: '+', label: 'Larger', act: ({ zoom, scale }) => zoom(scale * zoomStep) },
  { keys: '-', text: '−', label: 'Smaller', act: ({ zoom, scale }) => zoom(scale / zoomStep) },
  { keys: '1', text: '1:1', label: '1:1, original size', act: ({ zoom }) => zoom(1) },
  { keys: '0', text: 'All', label: 'All', act: ({ fit }) => fit() },
];

const arrows: Readonly<Record<string, 1 | -1>> = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 };

interface ToolsProps {
  readonly zoomed: Zoomed;
  readonly folded: Signal<boolean>;
  readonly marked: Signal<boolean>;
  /** Null where there is no difference to mark. */
  readonly parent: string | null;
}

const Tools = ({ zoomed, folded, marked, parent }: ToolsProps) => (
  <div class="tools" role="group" aria-label="Graph view">
    {zooms.map(({ text, label, act }) => (
      <button type="button" key={text} onClick={() => act(zoomed)} aria-label={label}>
        {text}
      </button>
    ))}
    <label>
      <input type="checkbox" checked={folded.value} onChange={() => (folded.value = !folded.value)} /> Fold blocks
    </label>
    {parent === null ? null : (
      <label>
        <input type="checkbox" checked={marked.value} onChange={() => (marked.value = !marked.value)} /> Difference from {parent}
      </label>
    )}
    <output class="quiet" aria-label="Scale">
      {Math.round(100 * zoomed.scale)} %
    </output>
  </div>
);

interface MinimapProps {
  readonly drawing: NetworkSvg;
  readonly viewport: Viewport;
  readonly selected: NodeId | null;
  /** The middle of the part to show. */
  readonly onMove: (x: number, y: number) => void;
}

/** The whole graph with the visible part marked; clicking or dragging in it moves there. For pointers only. */
function Minimap({ drawing: { width, height, boxes }, viewport, selected, onMove }: MinimapProps) {
  const map = useRef<SVGSVGElement>(null);
  // Beside the graph, or above it on a narrow screen.
  const [widest, tallest] = innerWidth <= 640 ? [Math.max(100, innerWidth - 42), 150] : [220, Math.min(540, 0.6 * innerHeight)];
  const scale = Math.min(widest / width, tallest / height);
  const [left, top] = [Math.max(0, viewport.left), Math.max(0, viewport.top)];
  function move(event: PointerEvent): void {
    const box = map.current?.getBoundingClientRect();
    if (box !== undefined)
      onMove(((event.clientX - box.left) * width) / box.width, ((event.clientY - box.top) * height) / box.height);
  }
  return (
    <svg
      class="net-map"
      ref={map}
      aria-hidden="true"
      viewBox={`0 0 ${width} ${height}`}
      width={width * scale}
      height={height * scale}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        move(event);
      }}
      onPointerMove={(event) => event.buttons !== 0 && move(event)}
    >
      {boxes.map(({ block, change, ...place }) => (
        <rect key={block.id} class={block.id === selected ? 'selected' : (change ?? '')} {...place} />
      ))}
      <rect
        class="seen"
        x={left}
        y={top}
        width={Math.max(0, Math.min(width, viewport.left + viewport.width) - left)}
        height={Math.max(0, Math.min(height, viewport.top + viewport.height) - top)}
      />
    </svg>
  );
}

const nodeAt = (target: EventTarget | null): NodeId | null => {
  const id = target instanceof Element ? target.closest('[data-block]')?.getAttribute('data-block') : null;
  return id === null || id === undefined ? null : Number(id);
};

/** One box is in the tab order, the selected or the first one; arrow keys reach the others. */
function useBoxFocus(picture: RefObject<SVGSVGElement | null>, { boxes }: NetworkSvg, selected: NodeId | undefined): void {
  useLayoutEffect(() => {
    for (const element of picture.current?.querySelectorAll('[data-block]') ?? []) {
      const id = Number(element.getAttribute('data-block'));
      element.setAttribute('aria-pressed', String(id === selected));
      element.setAttribute('tabindex', id === (selected ?? boxes[0]?.block.id) ? '0' : '-1');
    }
  }, [boxes, selected]);
}

interface GraphProps {
  readonly name: string;
  readonly network: Network;
  readonly difference: Difference | null;
  readonly parent: string | null;
  readonly selected: NodeId | null;
  readonly onSelect: (id: NodeId) => void;
}

export function NetworkGraph({ name, network, difference, parent, selected, onSelect }: GraphProps) {
  const [folded, marked] = [useSignal(true), useSignal(true)];
  const area = useRef<HTMLDivElement>(null);
  const picture = useRef<SVGSVGElement>(null);
  const drawing: NetworkSvg = useMemo(
    () =>
      drawNetwork(network, {
        folded: folded.value,
        buttons: true,
        ...(marked.value && difference !== null ? { difference } : {}),
      }),
    [network, folded.value, marked.value, difference],
  );
  const zoomed = useViewport(area, drawing);
  const { scale, viewport, moveTo, update } = zoomed;
  const { boxes } = drawing;
  useLayoutEffect(() => {
    const [image] = boxes;
    if (image !== undefined) moveTo(image.x + image.width / 2, 0);
  }, [drawing.width]);
  const block = boxes.find((box) => box.block.nodes.some(({ id }) => id === selected))?.block.id;
  useBoxFocus(picture, drawing, block);
  const drag = useDrag(area, (target) => {
    const id = nodeAt(target);
    if (id !== null) onSelect(id);
  });

  function onKey(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const id = nodeAt(event.target);
    const next = boxes[boxes.findIndex((box) => box.block.id === id) + (arrows[event.key] ?? 0)];
    const zoomKey = zooms.find(({ keys }) => keys.includes(event.key));
    if (zoomKey !== undefined) zoomKey.act(zoomed);
    else if (id === null) return;
    else if (event.key === 'Enter' || event.key === ' ') onSelect(id);
    else if (event.key in arrows && next !== undefined) {
      picture.current?.querySelector<SVGGElement>(`[data-block="${next.block.id}"]`)?.focus({ preventScroll: true });
      moveTo(next.x + next.width / 2, next.y + next.height / 2);
    } else return;
    event.preventDefault();
  }

  return (
    <div class="net-graph">
      <Tools zoomed={zoomed} folded={folded} marked={marked} parent={difference === null ? null : parent} />
      <div class="net-view">
        <div
          class="net-area"
          ref={area}
          role="region"
          aria-label={`Layers of ${name}`}
          tabindex={0}
          onScroll={update}
          onKeyDown={onKey}
          {...drag}
        >
          <svg
            class="fig"
            ref={picture}
            role="group"
            aria-label={`${name}: ${boxes.length} boxes, from the image to the classes`}
            viewBox={`0 0 ${drawing.width} ${drawing.height}`}
            width={drawing.width * scale}
            height={drawing.height * scale}
            dangerouslySetInnerHTML={{ __html: drawing.content.text }}
          />
        </div>
        <Minimap drawing={drawing} viewport={viewport} selected={block ?? null} onMove={moveTo} />
      </div>
      <p class="legend quiet">
        {difference !== null && marked.value ? (
          <>
            <span class="key-added">+ new</span> <span class="key-altered">~ altered, widened or rewired</span> ·{' '}
          </>
        ) : null}
        Drag to move. Zoom with Ctrl and the wheel, or with + − 1 0. Tab enters the boxes, arrow keys move between them, Enter
        selects one.
      </p>
    </div>
  );
}
