/** A uPlot chart in an element of the page. */
import 'uplot/dist/uPlot.min.css';
import { useEffect, useRef, useState } from 'preact/hooks';
import uPlot from 'uplot';

/** A colour of the page's style. */
export const colour = (name: string): string => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

export const plotAxis = (label: string, more: uPlot.Axis = {}): uPlot.Axis => ({
  label,
  labelSize: 22,
  labelFont: '12px system-ui, sans-serif',
  font: '12px system-ui, sans-serif',
  stroke: colour('muted'),
  grid: { stroke: colour('faint'), width: 1 },
  ticks: { stroke: colour('faint'), width: 1 },
  ...more,
});

interface PlotOptions {
  /** The chart is made again where this changes, or the colour scheme. */
  readonly key: string;
  readonly data: uPlot.AlignedData;
  /** Pixels. */
  readonly height: number;
  /** Whether the chart waits until it is near the visible part of the page. */
  readonly lazy?: boolean;
  /** Whether the scales are kept when the data change. */
  readonly keepsScales?: boolean;
  options(): Omit<uPlot.Options, 'width' | 'height'>;
}

export function usePlot(plotted: PlotOptions) {
  const { key, data, height, lazy = false, keepsScales = false } = plotted;
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const latest = useRef(plotted);
  latest.current = plotted;
  const [isNear, setNear] = useState(!lazy);
  useEffect(() => {
    const root = place.current;
    if (root === null || isNear) return;
    const observer = new IntersectionObserver(([entry]) => entry?.isIntersecting === true && setNear(true), {
      rootMargin: '600px',
    });
    observer.observe(root);
    return () => observer.disconnect();
  }, [isNear]);
  useEffect(() => {
    const root = place.current;
    if (root === null || !isNear) return;
    const dark = matchMedia('(prefers-color-scheme: dark)');
    const size = () => ({ width: Math.max(280, root.clientWidth), height });
    const draw = (): void => {
      plot.current?.destroy();
      plot.current = new uPlot({ ...size(), ...latest.current.options() }, latest.current.data, root);
    };
    draw();
    const observer = new ResizeObserver(() => plot.current?.setSize(size()));
    observer.observe(root);
    dark.addEventListener('change', draw);
    return () => {
      observer.disconnect();
      dark.removeEventListener('change', draw);
      plot.current?.destroy();
      plot.current = null;
    };
  }, [key, isNear]);
  useEffect(() => plot.current?.setData(data, !keepsScales), [data]);
  return { place, plot };
}
