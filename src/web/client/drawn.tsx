/** Markup of the report on a page, put in anew where it changed: what was unfolded, scrolled or focused in it stays so. */
import { useLayoutEffect, useRef } from 'preact/hooks';
import type { Markup } from '../../report/markup.ts';

const keyOf = (details: HTMLDetailsElement): string => details.querySelector('summary')?.textContent ?? '';
const focusable = 'a, summary, button, [tabindex]';

function putInAnew(root: HTMLElement, text: string): void {
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

/** Markup of the report: escaped where it was made. */
export function Drawn({ markup, className = '' }: { readonly markup: Markup | null; readonly className?: string }) {
  const place = useRef<HTMLDivElement>(null);
  const drawn = useRef<{ readonly root: HTMLElement; readonly text: string } | null>(null);
  const text = markup?.text ?? null;
  useLayoutEffect(() => {
    const root = place.current;
    if (root === null || text === null) return;
    const before = drawn.current;
    drawn.current = { root, text };
    if (before?.root !== root) root.innerHTML = text;
    else if (before.text !== text) putInAnew(root, text);
  }, [text]);
  return text === null ? null : <div class={className} ref={place} />;
}
