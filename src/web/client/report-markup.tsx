/** Markup of the report on a page. Where it changes, unfolded details, scroll positions and the focus are kept. */
import { useLayoutEffect, useRef } from 'preact/hooks';
import type { Figure } from '../../report/figure.ts';
import type { Markup } from '../../report/markup.ts';
import { figureHtml } from '../../report/sections/parts.ts';

const keyOf = (details: HTMLDetailsElement): string => details.querySelector('summary')?.textContent ?? '';
const focusable = 'a, summary, button, [tabindex]';

function replaceMarkup(root: HTMLElement, text: string): void {
  const unfolded = new Set([...root.querySelectorAll('details')].filter(({ open }) => open).map(keyOf));
  const scrolled = [...root.querySelectorAll('.scroll')].map(({ scrollLeft, scrollTop }) => ({ scrollLeft, scrollTop }));
  const isFocused = root.contains(document.activeElement);
  const focused = isFocused ? [...root.querySelectorAll(focusable)].indexOf(document.activeElement as Element) : -1;
  const top = scrollY;
  root.innerHTML = text;
  for (const details of root.querySelectorAll('details')) details.open = unfolded.has(keyOf(details));
  [...root.querySelectorAll('.scroll')].forEach((each, at) => Object.assign(each, scrolled[at] ?? {}));
  if (focused >= 0) root.querySelectorAll<HTMLElement>(focusable)[focused]?.focus({ preventScroll: true });
  if (scrollY !== top) scrollTo(scrollX, top);
}

/** The report has escaped all text in it. */
export function ReportMarkup({ markup, className = '' }: { readonly markup: Markup | null; readonly className?: string }) {
  const place = useRef<HTMLDivElement>(null);
  const shown = useRef<{ readonly root: HTMLElement; readonly text: string } | null>(null);
  const text = markup?.text ?? null;
  useLayoutEffect(() => {
    const root = place.current;
    if (root === null || text === null) return;
    const before = shown.current;
    shown.current = { root, text };
    if (before?.root !== root) root.innerHTML = text;
    else if (before.text !== text) replaceMarkup(root, text);
  }, [text]);
  return text === null ? null : <div class={className} ref={place} />;
}

export const ReportFigure = ({ figure, prefix }: { readonly figure: Figure | null; readonly prefix: string }) =>
  figure === null ? null : <ReportMarkup markup={figureHtml(prefix, figure)} />;
