/** The visible part of a drawing in a scrolling box, and its scale. */
import type { RefObject } from 'preact';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';

/** The visible part, in units of the drawing. */
export interface Viewport {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

export type Zoomed = ReturnType<typeof useViewport>;

export function useViewport(area: RefObject<HTMLDivElement | null>, drawing: Pick<Viewport, 'width' | 'height'>) {
  const [scale, setScale] = useState(1);
  const [viewport, setViewport] = useState<Viewport>({ left: 0, top: 0, width: 1, height: 1 });
  /** What stays in place while the scale changes: a point of the drawing, and its place in the box. */
  const anchor = useRef<{ x: number; y: number; left: number; top: number } | null>(null);

  /** The drawing's corner in the box, in pixels: a smaller drawing is centred. */
  const offsetOf = (box: HTMLElement): readonly [number, number] => [
    Math.max(0, (box.clientWidth - drawing.width * scale) / 2),
    Math.max(0, (box.clientHeight - drawing.height * scale) / 2),
  ];
  const middleOf = (box: HTMLElement) => ({ left: box.clientWidth / 2, top: box.clientHeight / 2 });
  /** After the box has scrolled. */
  function update(): void {
    const box = area.current;
    if (box === null) return;
    const [left, top] = offsetOf(box);
    setViewport({
      left: (box.scrollLeft - left) / scale,
      top: (box.scrollTop - top) / scale,
      width: box.clientWidth / scale,
      height: box.clientHeight / scale,
    });
  }
  /** `at`: the point of the box that stays in place, in pixels; its middle if left out. */
  function zoom(next: number, at?: Pick<Viewport, 'left' | 'top'>): void {
    const box = area.current;
    if (box === null) return;
    const { left, top } = at ?? middleOf(box);
    const [x, y] = offsetOf(box);
    anchor.current = { x: (box.scrollLeft + left - x) / scale, y: (box.scrollTop + top - y) / scale, left, top };
    setScale(Math.min(4, Math.max(0.05, next)));
  }
  /** Shows all of the drawing, at most at twice its size. */
  function fit(): void {
    const box = area.current;
    if (box !== null) zoom(Math.min(2, (box.clientWidth - 2) / drawing.width, (box.clientHeight - 2) / drawing.height));
  }
  /** Scrolls so that a point of the drawing is at a point of the box, in pixels; in its middle if left out. */
  function moveTo(x: number, y: number, at?: Pick<Viewport, 'left' | 'top'>): void {
    const box = area.current;
    if (box === null) return;
    const [left, top] = offsetOf(box);
    const to = at ?? middleOf(box);
    box.scrollLeft = x * scale + left - to.left;
    box.scrollTop = y * scale + top - to.top;
  }

  useLayoutEffect(() => {
    const kept = anchor.current;
    anchor.current = null;
    if (kept !== null) moveTo(kept.x, kept.y, kept);
    update();
  }, [scale, drawing]);
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
    const observer = new ResizeObserver(update);
    observer.observe(box);
    return () => {
      box.removeEventListener('wheel', onWheel);
      observer.disconnect();
    };
  }, [scale, drawing]);
  return { scale, viewport, zoom, fit, moveTo, update };
}

/** Pixels that a pointer may move while it clicks. */
const slack = 4;

/** Handlers with which a mouse drags the content of a scrolling box. `onPress`: a click that did not drag. */
export function useDrag(area: RefObject<HTMLDivElement | null>, onPress: (target: EventTarget | null) => void) {
  const held = useRef<{ x: number; y: number; moved: boolean } | null>(null);
  return {
    onPointerDown(event: PointerEvent) {
      if (event.pointerType === 'mouse' && event.button === 0)
        held.current = { x: event.clientX, y: event.clientY, moved: false };
    },
    onPointerMove(event: PointerEvent) {
      const [from, box] = [held.current, area.current];
      if (from === null || box === null) return;
      if (event.buttons === 0) {
        held.current = null;
        return;
      }
      const [x, y] = [event.clientX - from.x, event.clientY - from.y];
      if (!from.moved && Math.hypot(x, y) < slack) return;
      if (!from.moved) box.setPointerCapture(event.pointerId);
      held.current = { x: event.clientX, y: event.clientY, moved: true };
      box.scrollLeft -= x;
      box.scrollTop -= y;
    },
    onPointerUp() {
      if (held.current?.moved !== true) held.current = null;
    },
    onClick(event: MouseEvent) {
      const moved = held.current?.moved === true;
      held.current = null;
      if (!moved) onPress(event.target);
    },
  };
}
