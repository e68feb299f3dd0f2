/** What tests ask of an open page, as the page's own expressions: this package knows no types of a browser. */

/** Whether the page is no wider than the window. */
export const isNarrow = 'document.documentElement.scrollWidth <= document.documentElement.clientWidth';

export const unfoldAll = `void document.querySelectorAll('details').forEach((each) => { each.open = true; })`;

export const paper = 'getComputedStyle(document.body).backgroundColor';

/** How many drawings of each figure are seen. */
export const drawingsSeen = `
  [...document.querySelectorAll('figure')].map(
    (figure) => [...figure.querySelectorAll('svg')].filter((svg) => svg.getBoundingClientRect().width > 100).length,
  )`;

/** [as it is, as it is shown] of each image. */
export const imageWidths = `[...document.querySelectorAll('.mistakes img')].map((image) => [image.naturalWidth, image.clientWidth])`;

export const isSvg = `document.documentElement.tagName === 'svg' && document.querySelector('parsererror') === null`;

export const foreignElements = `document.querySelectorAll('script, img, parsererror').length`;

export const allText = `document.documentElement.textContent`;

/** Texts whose contrast with what is behind them is below 4.5 (WCAG 2.2, 1.4.3). Opacity and outlines of text are left out. */
export const lowContrasts = `(() => {
  const numbers = (colour) => (colour.match(/[\\d.]+/g) ?? []).map(Number);
  const light = ([r, g, b]) => {
    const linear = (value) => (value <= 10.3 ? value / 3294.6 : ((value / 255 + 0.055) / 1.055) ** 2.4);
    return 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  };
  const behind = (element) => {
    const layers = [];
    for (let at = element; at !== null; at = at.parentElement) layers.unshift(numbers(getComputedStyle(at).backgroundColor));
    return layers.reduce(
      (under, [r, g, b, alpha = 1]) => [r, g, b].map((value, index) => alpha * value + (1 - alpha) * under[index]),
      [255, 255, 255],
    );
  };
  const found = new Set();
  for (const element of document.querySelectorAll('main *, footer')) {
    const isDrawn = element.closest('svg') !== null;
    if (isDrawn && element.tagName !== 'text') continue;
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim() !== '');
    if (!own) continue;
    const style = getComputedStyle(element);
    const a = light(numbers(isDrawn ? style.fill : style.color));
    const b = light(behind(isDrawn ? element.closest('svg') : element));
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const name = element.tagName + ' ' + (element.getAttribute('class') ?? '');
    if (ratio < 4.5) found.add(name + ' “' + element.textContent.trim().slice(0, 30) + '”: ' + ratio.toFixed(2));
  }
  return [...found];
})()`;

/** Captions of tables that are wider than their frames. */
export const scrollingTables = `[...document.querySelectorAll('table.study')]
  .filter((table) => table.parentElement.scrollWidth > table.parentElement.clientWidth)
  .map((table) => table.caption.textContent.trim())`;

export const scrollFirstTable = `document.querySelector('table.study').parentElement.scrollLeft = 150`;
