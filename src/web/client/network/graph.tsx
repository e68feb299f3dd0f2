/**
 * The graph of a network, drawn by the report: zoomed, dragged, folded to blocks, with the difference from its parent marked, and
 * a map of the whole beside it.
 */
import type { RefObject } from 'preact';
import { useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { Network, NodeId } from '../../../network/network.ts';
import type { Difference } from '../../../report/compare.ts';
import { drawNetwork, type NetworkSvg } from '../../../report/graph.ts';
import { Minimap } from './minimap.tsx';
import { useDrag, useViewport, type Zoomed } from './viewport.ts';

const zoomStep = 1.3;

const zoomKeys: Readonly<Record<string, (zoomed: Zoomed) => void>> = {
  '+': ({ zoom, scale }) => zoom(scale * zoomStep),
  '=': ({ zoom, scale }) => zoom(scale * zoomStep),
  '-': ({ zoom, scale }) => zoom(scale / zoomStep),
  '1': ({ zoom }) => zoom(1),
  '0': ({ fit }) => fit(),
};

const arrows: Readonly<Record<string, 1 | -1>> = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 };

interface ToolsProps {
  readonly zoomed: Zoomed;
  readonly folded: boolean;
  onFold(folded: boolean): void;
  /** Null where there is no difference to mark. */
  readonly parent: string | null;
  readonly marked: boolean;
  onMark(marked: boolean): void;
}

function Tools({ zoomed, folded, onFold, parent, marked, onMark }: ToolsProps) {
  const { scale, zoom, fit } = zoomed;
  return (
    <div class="tools" role="group" aria-label="Graph view">
      <button type="button" onClick={() => zoom(scale * zoomStep)} aria-label="Larger">
        +
      </button>
      <button type="button" onClick={() => zoom(scale / zoomStep)} aria-label="Smaller">
        −
      </button>
      <button type="button" onClick={() => zoom(1)} aria-label="1:1, original size">
        1:1
      </button>
      <button type="button" onClick={fit}>
        All
      </button>
      <label>
        <input type="checkbox" checked={folded} onChange={() => onFold(!folded)} /> Fold blocks
      </label>
      {parent === null ? null : (
        <label>
          <input type="checkbox" checked={marked} onChange={() => onMark(!marked)} /> Difference from {parent}
        </label>
      )}
      <output class="quiet" aria-label="Scale">
        {Math.round(100 * scale)} %
      </output>
    </div>
  );
}

const nodeAt = (target: EventTarget | null): NodeId | null => {
  const id = target instanceof Element ? target.closest('[data-block]')?.getAttribute('data-block') : null;
  return id === null || id === undefined ? null : Number(id);
};

const boxOf = (picture: RefObject<SVGSVGElement | null>, id: NodeId): SVGGElement | null =>
  picture.current?.querySelector(`[data-block="${id}"]`) ?? null;

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

export interface GraphProps {
  readonly name: string;
  readonly network: Network;
  readonly difference: Difference | null;
  readonly parent: string | null;
  readonly selected: NodeId | null;
  readonly onSelect: (id: NodeId) => void;
}

export function NetworkGraph({ name, network, difference, parent, selected, onSelect }: GraphProps) {
  const [folded, setFolded] = useState(true);
  const [marked, setMarked] = useState(true);
  const area = useRef<HTMLDivElement>(null);
  const picture = useRef<SVGSVGElement>(null);
  const drawing: NetworkSvg = useMemo(
    () => drawNetwork(network, { folded, buttons: true, ...(marked && difference !== null ? { difference } : {}) }),
    [network, folded, marked, difference],
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
    const zoomKey = zoomKeys[event.key];
    if (zoomKey !== undefined) zoomKey(zoomed);
    else if (id === null) return;
    else if (event.key === 'Enter' || event.key === ' ') onSelect(id);
    else if (event.key in arrows && next !== undefined) {
      boxOf(picture, next.block.id)?.focus({ preventScroll: true });
      moveTo(next.x + next.width / 2, next.y + next.height / 2);
    } else return;
    event.preventDefault();
  }

  return (
    <div class="net-graph">
      <Tools
        zoomed={zoomed}
        folded={folded}
        onFold={setFolded}
        parent={difference === null ? null : parent}
        marked={marked}
        onMark={setMarked}
      />
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
        {difference !== null && marked ? (
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
