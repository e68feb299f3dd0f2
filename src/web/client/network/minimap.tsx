/** A map of the whole graph with the visible part marked; clicking or dragging in it moves there. For pointers only. */
import { useRef } from 'preact/hooks';
import type { NodeId } from '../../../network/network.ts';
import type { NetworkSvg } from '../../../report/graph.ts';
import type { Viewport } from './viewport.ts';

/** Pixels: beside the graph, or above it on a narrow screen. */
const isNarrow = (): boolean => innerWidth <= 640;
const widest = (): number => (isNarrow() ? Math.max(100, innerWidth - 42) : 220);
const tallest = (): number => (isNarrow() ? 150 : Math.min(540, 0.6 * innerHeight));

export interface MinimapProps {
  readonly drawing: NetworkSvg;
  readonly viewport: Viewport;
  readonly selected: NodeId | null;
  /** The middle of the part to show. */
  readonly onMove: (x: number, y: number) => void;
}

export function Minimap({ drawing: { width, height, boxes }, viewport, selected, onMove }: MinimapProps) {
  const map = useRef<SVGSVGElement>(null);
  const scale = Math.min(widest() / width, tallest() / height);
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
      onPointerMove={(event) => {
        if (event.buttons !== 0) move(event);
      }}
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
