/**
 * Figures as SVG: inline in a page, with the page's style, or as a file with its own. In light and dark, without scripts and
 * without `style` attributes, which the page's content security policy forbids.
 */
import { attribute, html, raw, type Content, type Markup } from './markup.ts';

/** The content of an SVG element, and its size at most; a page may scale it down. */
export interface Svg {
  readonly width: number;
  readonly height: number;
  readonly content: Markup;
}

export interface Figure {
  /** The name of its file and of its anchor: letters, digits and hyphens. */
  readonly name: string;
  readonly title: string;
  /** Alternative text for screen readers. */
  readonly alternative: string;
  readonly caption: Content;
  /** 440 wide: for phones, and for two side by side. */
  readonly narrow: Svg;
  /** 920 wide; absent where the narrow one is enough. */
  readonly wide?: Svg;
}

export const narrowWidth = 440;
export const wideWidth = 920;

const colours: { readonly [name: string]: readonly [light: string, dark: string] } = {
  paper: ['#ffffff', '#14181c'],
  ink: ['#1d2329', '#e6e9ec'],
  muted: ['#59636e', '#a3adb8'],
  faint: ['#dfe3e8', '#333b44'],
  wash: ['#f4f6f8', '#1c2228'],
  accent: ['#8a4b08', '#f0ae58'],
  glow: ['#fdf1e0', '#33271a'],
  other: ['#7d8995', '#7f8b98'],
  good: ['#1a6b3c', '#6cc592'],
  bad: ['#b3261e', '#ff8a80'],
  change: ['#1f5fa8', '#84b6f4'],
  heat: ['31 95 168', '110 165 235'],
};

const variables = (scheme: 0 | 1): string =>
  Object.entries(colours)
    .map(([name, values]) => `--${name}:${values[scheme]}`)
    .join(';');

/** The colours as CSS variables, light and dark; print is always light. */
export const colourStyle = (root: string): string =>
  `${root}{color-scheme:light dark;${variables(0)}}@media screen and (prefers-color-scheme:dark){${root}{${variables(1)}}}`;

export const figureStyle = `
.fig text{font-family:system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif;font-size:12px;fill:var(--ink)}
.fig .quiet{fill:var(--muted)}
.fig .small{font-size:10.5px}
.fig .strong{font-weight:650}
.fig .won-text{fill:var(--accent);font-weight:650}
.fig .bad-text{fill:var(--bad)}
.fig .end{text-anchor:end}
.fig .middle{text-anchor:middle}
.fig .grid{stroke:var(--faint);stroke-width:1}
.fig .axis{stroke:var(--muted);stroke-width:1}
.fig .line{fill:none;stroke-linejoin:round;stroke-linecap:round;stroke-width:1.3;stroke:var(--other)}
.fig .dropped{opacity:.62}
.fig .won{stroke:var(--accent);stroke-width:2.6}
.fig .second{stroke:var(--change);stroke-width:1.8}
.fig .third{stroke:var(--good);stroke-width:1.8}
.fig .dashed{stroke-dasharray:6 4}
.fig .dash-dot{stroke-dasharray:7 3 1.5 3}
.fig .dotted{stroke-dasharray:1.5 4}
.fig .dot{fill:var(--other);stroke:var(--paper);stroke-width:1}
.fig .hollow{fill:var(--paper);stroke:var(--other);stroke-width:1.5}
.fig .cross{fill:none;stroke:var(--other);stroke-width:1.6}
.fig .cross.bad{stroke:var(--bad)}
.fig .star{fill:var(--accent);stroke:var(--paper);stroke-width:1}
.fig .band{fill:var(--wash)}
.fig .halo{paint-order:stroke;stroke:var(--paper);stroke-width:3.5px;stroke-linejoin:round}
.fig .box{fill:var(--paper);stroke:var(--other);stroke-width:1.2}
.fig .box.merge{fill:var(--wash)}
.fig .box.pool{fill:var(--paper);stroke-dasharray:3 2.5}
.fig .box.ends{fill:var(--wash);stroke:var(--muted)}
.fig .box.added{fill:var(--glow);stroke:var(--accent);stroke-width:2.4}
.fig .box.altered{stroke:var(--change);stroke-width:2.4}
.fig .edge{fill:none;stroke:var(--muted);stroke-width:1.2}
.fig .edge.added{stroke:var(--accent);stroke-width:2.2}
.fig .tip{fill:var(--muted)}
.fig .tip.added{fill:var(--accent)}
.fig .added-text{fill:var(--accent);font-weight:650}
.fig .altered-text{fill:var(--change);font-weight:650}
.fig .arm{stroke:var(--paper);stroke-width:.8}
.fig .arm-1{fill:var(--accent)}
.fig .arm-2{fill:var(--change)}
.fig .arm-3{fill:var(--good)}
.fig .arm-4{fill:var(--bad)}
.fig .outline{fill:var(--paper);stroke:var(--muted);stroke-width:1.5}
.fig .mean{stroke:var(--ink);stroke-width:1.6}
.fig .interval{stroke:var(--ink);stroke-width:3.2;opacity:.55}
.fig .bar{fill:var(--other)}
.fig .bar.won{fill:var(--accent);stroke:none}
`.trim();

const size = ({ width, height }: Svg): Markup =>
  html`viewBox="0 0 ${width} ${Math.ceil(height)}" width="${width}" height="${Math.ceil(height)}"`;

/** For a page that has `colourStyle` and `figureStyle`. `group`: for an SVG with links. */
export const inlineSvg = (svg: Svg, alternative: string, className = '', role: 'img' | 'group' = 'img'): Markup =>
  html`<svg
    class="fig${raw(className === '' ? '' : ` ${className}`)}"
    ${size(svg)}
    role="${role}"
    ${attribute('aria-label', alternative)}
  >
    ${svg.content}
  </svg>`;

export const svgFile = ({ title, alternative, narrow, wide }: Figure): string => {
  const svg = wide ?? narrow;
  return html`<svg xmlns="http://www.w3.org/2000/svg" class="fig" ${size(svg)} role="img">
    <title>${title}</title>
    <desc>${alternative}</desc>
    ${raw(`<style>${colourStyle('svg')}${figureStyle}</style>`)}
    <rect width="100%" height="100%" fill="var(--paper)" />
    ${svg.content}
  </svg> `.text;
};
