/** The report of a study, put in anew where it changed: what was unfolded, scrolled or focused stays so. */
import { useLayoutEffect, useRef } from 'preact/hooks';

const keyOf = (details: HTMLDetailsElement): string => details.querySelector('summary')?.textContent ?? '';
const focusable = 'a, summary, button, [tabindex]';

/** `html`: markup of the report, escaped where it was made. */
export function Article({ html }: { readonly html: string }) {
  const place = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const root = place.current;
    if (root === null) return;
    const unfolded = new Set([...root.querySelectorAll('details')].filter(({ open }) => open).map(keyOf));
    const scrolled = [...root.querySelectorAll('.scroll')].map(({ scrollLeft, scrollTop }) => ({ scrollLeft, scrollTop }));
    const focused = [...root.querySelectorAll(focusable)].indexOf(document.activeElement as Element);
    const top = scrollY;
    root.innerHTML = html;
    for (const details of root.querySelectorAll('details')) details.open = unfolded.has(keyOf(details));
    [...root.querySelectorAll('.scroll')].forEach((each, at) => Object.assign(each, scrolled[at] ?? {}));
    if (focused >= 0) root.querySelectorAll<HTMLElement>(focusable)[focused]?.focus({ preventScroll: true });
    if (scrolled.length > 0) scrollTo(scrollX, top);
  }, [html]);
  return <div ref={place} class="article" />;
}
