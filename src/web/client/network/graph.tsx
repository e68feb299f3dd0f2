/**
 * A network's graph to be looked at: larger and smaller, moved, folded, with what is different from its parent marked, and a
 * map of the whole beside it. What is drawn is the report's.
 */
import { useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { Network, NodeId } from '../../../network/network.ts';
import type { Difference } from '../../../report/compare.ts';
import { drawNetwork, type NetworkSvg } from '../../../report/graph.ts';
import { Minimap } from './minimap.tsx';
import { clampScale, fitting, type Window } from './window.ts';

/** What a key does to the scale. */
const keys: Readonly<Record<string, 'larger' | 'smaller' | 'own' | 'all'>> = {
  '+': 'larger',
  '=': 'larger',
  '-': 'smaller',
  '1': 'own',
  '0': 'all',
};
const step = 1.3;
/** Pixels that a pointer may move while it presses a box. */
const slip = 4;

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
  const [scale, setScale] = useState(1);
  const [window, setWindow] = useState<Window>({ left: 0, top: 0, width: 1, height: 1 });
  const area = useRef<HTMLDivElement>(null);
  const picture = useRef<SVGSVGElement>(null);
  /** What stays where it is while the scale changes: a point of the drawing, and where it is seen. */
  const anchor = useRef<{ x: number; y: number; left: number; top: number } | null>(null);
  const held = useRef<{ x: number; y: number; moved: boolean } | null>(null);
  const drawing: NetworkSvg = useMemo(
    () => drawNetwork(network, { folded, buttons: true, ...(marked && difference !== null ? { difference } : {}) }),
    [network, folded, marked, difference],
  );

  /** The drawing's corner in the area, in pixels: it stands in the middle where it is smaller. */
  const offsetOf = (box: HTMLElement, at: number): readonly [number, number] => [
    Math.max(0, (box.clientWidth - drawing.width * at) / 2),
    Math.max(0, (box.clientHeight - drawing.height * at) / 2),
  ];
  function look(): void {
    const box = area.current;
    if (box === null) return;
    const [left, top] = offsetOf(box, scale);
    setWindow({
      left: (box.scrollLeft - left) / scale,
      top: (box.scrollTop - top) / scale,
      width: box.clientWidth / scale,
      height: box.clientHeight / scale,
    });
  }
  function zoom(next: number, at?: { readonly left: number; readonly top: number }): void {
    const box = area.current;
    if (box === null) return;
    const { left, top } = at ?? { left: box.clientWidth / 2, top: box.clientHeight / 2 };
    const [x, y] = offsetOf(box, scale);
    anchor.current = { x: (box.scrollLeft + left - x) / scale, y: (box.scrollTop + top - y) / scale, left, top };
    setScale(clampScale(next));
  }
  const all = (): void => {
    const box = area.current;
    if (box !== null) zoom(fitting(drawing, { width: box.clientWidth - 2, height: box.clientHeight - 2 }));
  };
  function moveTo(x: number, y: number): void {
    const box = area.current;
    if (box === null) return;
    const [left, top] = offsetOf(box, scale);
    box.scrollLeft = x * scale + left - box.clientWidth / 2;
    box.scrollTop = y * scale + top - box.clientHeight / 2;
  }
  const acts = { larger: () => zoom(scale * step), smaller: () => zoom(scale / step), own: () => zoom(1), all } as const;

  useLayoutEffect(() => {
    const box = area.current;
    if (box === null) return;
    const kept = anchor.current;
    anchor.current = null;
    const [left, top] = offsetOf(box, scale);
    if (kept !== null) {
      box.scrollLeft = kept.x * scale + left - kept.left;
      box.scrollTop = kept.y * scale + top - kept.top;
    }
    look();
  }, [scale, drawing]);
  // It begins with the image.
  useLayoutEffect(() => {
    const [image] = drawing.boxes;
    if (image !== undefined) moveTo(image.x + image.width / 2, 0);
  }, [drawing.width]);
  useLayoutEffect(() => {
    const box = area.current;
    if (box === null) return;
    const onWheel = (event: WheelEvent): void => {
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      const { left, top } = box.getBoundingClientRect();
      zoom(scale * Math.exp(-event.deltaY / 400), { left: event.clientX - left, top: event.clientY - top });
    };
    box.addEventListener('wheel', onWheel, { passive: false });
    const watch = new ResizeObserver(look);
    watch.observe(box);
    return () => {
      box.removeEventListener('wheel', onWheel);
      watch.disconnect();
    };
  }, [scale, drawing]);

  const shown = drawing.boxes.find(({ block }) => block.nodes.some(({ id }) => id === selected)) ?? null;
  const boxElement = (id: NodeId): SVGGElement | null => picture.current?.querySelector(`[data-block="${id}"]`) ?? null;
  // One box is in the tab order: the one that is shown, or the first. Arrows lead to the others.
  useLayoutEffect(() => {
    for (const element of picture.current?.querySelectorAll('[data-block]') ?? []) {
      const isShown = element.getAttribute('data-block') === String(shown?.block.id);
      element.setAttribute('aria-pressed', String(isShown));
      element.setAttribute(
        'tabindex',
        isShown || (shown === null && element === boxElement(drawing.boxes[0]?.block.id ?? 0)) ? '0' : '-1',
      );
    }
  }, [drawing, shown?.block.id]);

  const blockOf = (target: EventTarget | null): NodeId | null => {
    const found = target instanceof Element ? target.closest('[data-block]')?.getAttribute('data-block') : null;
    return found === null || found === undefined ? null : Number(found);
  };
  function onKey(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const act = keys[event.key];
    if (act !== undefined) {
      event.preventDefault();
      return acts[act]();
    }
    const id = blockOf(event.target);
    if (id === null) return;
    if (event.key === 'Enter' || event.key === ' ') {
      event.preventDefault();
      return onSelect(id);
    }
    const way = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
    const next = way === undefined ? undefined : drawing.boxes[drawing.boxes.findIndex(({ block }) => block.id === id) + way];
    if (next === undefined) return;
    event.preventDefault();
    boxElement(next.block.id)?.focus({ preventScroll: true });
    moveTo(next.x + next.width / 2, next.y + next.height / 2);
  }

  return (
    <div class="net-graph">
      <div class="tools" role="group" aria-label="How the graph is shown">
        <button type="button" onClick={acts.larger} aria-label="Larger">
          +
        </button>
        <button type="button" onClick={acts.smaller} aria-label="Smaller">
          −
        </button>
        <button type="button" onClick={acts.own} aria-label="1:1, its own size">
          1:1
        </button>
        <button type="button" onClick={all}>
          All
        </button>
        <label>
          <input type="checkbox" checked={folded} onChange={() => setFolded(!folded)} /> Blocks folded
        </label>
        {difference === null || parent === null ? null : (
          <label>
            <input type="checkbox" checked={marked} onChange={() => setMarked(!marked)} /> Difference from {parent}
          </label>
        )}
        <output class="quiet" aria-label="Scale">
          {Math.round(100 * scale)} %
        </output>
      </div>
      <div class="net-view">
        <div
          class="net-area"
          ref={area}
          role="region"
          aria-label={`Layers of ${name}`}
          tabindex={0}
          onScroll={look}
          onKeyDown={onKey}
          onPointerDown={(event) => {
            if (event.pointerType === 'mouse' && event.button === 0)
              held.current = { x: event.clientX, y: event.clientY, moved: false };
          }}
          onPointerMove={(event) => {
            const from = held.current;
            const box = area.current;
            if (from === null || box === null) return;
            if (event.buttons === 0) return void (held.current = null);
            const [x, y] = [event.clientX - from.x, event.clientY - from.y];
            if (!from.moved && Math.hypot(x, y) < slip) return;
            if (!from.moved) box.setPointerCapture(event.pointerId);
            held.current = { x: event.clientX, y: event.clientY, moved: true };
            box.scrollLeft -= x;
            box.scrollTop -= y;
          }}
          onPointerUp={() => (held.current = held.current?.moved === true ? held.current : null)}
          onClick={(event) => {
            const moved = held.current?.moved === true;
            held.current = null;
            const id = moved ? null : blockOf(event.target);
            if (id !== null) onSelect(id);
          }}
        >
          <svg
            class="fig"
            ref={picture}
            role="group"
            aria-label={`${name}: ${drawing.boxes.length} boxes, from the image to the classes`}
            viewBox={`0 0 ${drawing.width} ${drawing.height}`}
            width={drawing.width * scale}
            height={drawing.height * scale}
            dangerouslySetInnerHTML={{ __html: drawing.content.text }}
          />
        </div>
        <Minimap drawing={drawing} window={window} selected={shown?.block.id ?? null} onMove={moveTo} />
      </div>
      <p class="legend quiet">
        {difference !== null && marked ? (
          <>
            <span class="key-added">+ new</span> <span class="key-altered">~ altered, grown along or rewired</span> ·{' '}
          </>
        ) : null}
        Drag to move; Ctrl and the wheel, or + − 1 0, for the size. Tab leads into the boxes, arrows from one to the next, Enter
        shows one.
      </p>
    </div>
  );
}
