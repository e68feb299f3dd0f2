/**
 * Screens of a terminal as a moving SVG: they stand below each other, and an animation in CSS moves one after the other into the
 * window, three times. It runs where an `<img>` shows the file. Where nothing is animated the last screen is seen. Pure.
 */
import { html, raw, type Markup } from '../src/report/markup.ts';
import { rowOf, wrapped, type Row } from './screen.ts';

export const columns = 108;
export const rows = 17;

export interface Frame {
  /** Seconds since the beginning. */
  readonly time: number;
  /** Lines as a terminal gets them, with its commands for colours; the last ones are shown. */
  readonly lines: readonly string[];
}

const screenOf = ({ lines }: Frame): readonly Row[] => lines.flatMap((line) => wrapped(rowOf(line), columns)).slice(-rows);

const advance = 8.4;
const lineHeight = 19;
const margin = 16;
const height = rows * lineHeight + 2 * margin;

const colours: Readonly<Record<string, string>> = { 31: 'r', 32: 'g', 33: 'y', 36: 'c' };

/** Classes of a style: a letter each. */
const classesOf = (style: string): string =>
  style
    .split(';')
    .map((code) => colours[code] ?? (code === '1' ? 'b' : code === '2' ? 'd' : ''))
    .filter((name) => name !== '')
    .join(' ');

function lineOf(row: Row): Markup {
  let column = 0;
  const spans = row.map(({ text, style }) => {
    const at = column;
    const length = [...text].length;
    column += length;
    if (text.trim() === '') return '';
    const names = classesOf(style);
    const x = (margin + at * advance).toFixed(1);
    return html`<text x="${x}" textLength="${(length * advance).toFixed(1)}" ${names === '' ? '' : html` class="${names}"`}
      >${text}</text
    >`;
  });
  return html`${spans}`;
}

const style = (count: number, keyframes: string, seconds: string): string => `
text{font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;fill:#c9d1d9;white-space:pre}
.b{font-weight:700}.d{fill:#8b949e}.c{fill:#76e3ea}.g{fill:#7ee787}.r{fill:#ff7b72}.y{fill:#e3b341}
.film{transform:translateY(${-(count - 1) * height}px)}
@media (prefers-reduced-motion:no-preference){.film{animation:film ${seconds}s step-end 3}}
@keyframes film{${keyframes}}
`;

export interface Film {
  readonly title: string;
  /** Seconds that it takes. */
  readonly seconds: number;
  /** Seconds for which the last screen stays. */
  readonly rest: number;
}

export function filmSvg(frames: readonly Frame[], { title, seconds, rest }: Film): string {
  const ids = new Map<string, number>();
  const idOf = (text: string): number => {
    const known = ids.get(text);
    if (known !== undefined) return known;
    ids.set(text, ids.size);
    return ids.size - 1;
  };
  const uses = frames.map((frame, index) =>
    screenOf(frame).map((row, at) => {
      const { text } = lineOf(row);
      const y = index * height + margin + at * lineHeight + 14;
      return text.trim() === '' ? '' : html`<use href="#l${idOf(text)}" y="${y}" />`;
    }),
  );
  const last = frames.at(-1)?.time ?? 0;
  const keyframes = frames
    .map(({ time }, index) => {
      const share = last === 0 ? 0 : ((time / last) * seconds * 100) / (seconds + rest);
      return `${share.toFixed(2)}%{transform:translateY(${-index * height}px)}`;
    })
    .join('');
  const lines = [...ids].map(([text, id]) => html`<g id="l${id}">${raw(text)}</g> `);
  const width = Math.ceil(columns * advance + 2 * margin);
  const css = style(frames.length, keyframes, (seconds + rest).toFixed(1));
  const { text } = html`<svg
    xmlns="http://www.w3.org/2000/svg"
    width="${width}"
    height="${height}"
    viewBox="0 0 ${width} ${height}"
  >
    <title>${title}</title>
    <style>
      ${raw(css)}
    </style>
    <defs>${lines}</defs>
    <rect width="100%" height="100%" rx="8" fill="#0d1117" />
    <g class="film">${uses}</g>
  </svg> `;
  return text;
}
