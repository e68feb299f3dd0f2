/** How arms are told apart in figures: by form and by colour, the same in each figure. */
import { symbol, symbolCircle, symbolDiamond, symbolSquare, symbolTriangle, type SymbolType } from 'd3-shape';
import type { Arm } from '../../study/result.ts';
import { armLabel } from '../../study/labels.ts';
import { label, letter } from '../chart.ts';
import { coordinate, html, type Markup } from '../markup.ts';

interface Form {
  readonly type: SymbolType;
  readonly size: number;
}

const forms: readonly Form[] = [
  { type: symbolCircle, size: 46 },
  { type: symbolSquare, size: 44 },
  { type: symbolTriangle, size: 42 },
  { type: symbolDiamond, size: 40 },
];
/** Methods are filled, each with a form and a colour; past the fourth the same forms in other colours, so that sixteen differ. Baselines are outlines. */
const armNumbers = (arms: readonly Arm[]): ReadonlyMap<string, number> =>
  new Map(
    [false, true].flatMap((baseline) =>
      arms.filter((arm) => arm.baseline === baseline).map(({ name }, index): [string, number] => [name, index]),
    ),
  );

export interface ArmMarks {
  /** `title` is shown where one points at it. */
  mark(arm: Arm, x: number, y: number, title?: string): Markup;
  /** Marks with names, in as many rows as the width needs. */
  legend(arms: readonly Arm[], x: number, width: number): { readonly content: Markup; readonly height: number };
}

const rowHeight = 17;

export function armMarks(all: readonly Arm[]): ArmMarks {
  const numbers = armNumbers(all);
  const mark = (arm: Arm, x: number, y: number, title?: string): Markup => {
    const number = numbers.get(arm.name) ?? 0;
    const { type, size } = forms[number % forms.length] as Form;
    const outline = (symbol(type, size)() ?? '').replaceAll(/-?\d+\.\d+/g, (digits) => Number(digits).toFixed(2));
    const className = `arm ${arm.baseline ? 'outline' : `arm-${((number + Math.floor(number / forms.length)) % forms.length) + 1}`}`;
    return html`<path class="${className}" transform="translate(${coordinate(x)} ${coordinate(y)})" d="${outline}"
      >${title === undefined ? null : html`<title>${title}</title>`}</path
    >`;
  };
  return {
    mark,
    legend(arms, x, width) {
      let [at, row] = [x, 0];
      const entries = arms.map((arm) => {
        const name = armLabel(arm);
        const room = 18 + name.length * letter + 14;
        if (at > x && at + room > x + width) [at, row] = [x, row + 1];
        const place = { at, y: 12 + row * rowHeight };
        at += room;
        return html`${mark(arm, place.at + 6, place.y - 4)}${label(place.at + 16, place.y, 'small', name)}`;
      });
      return { content: html`${entries}`, height: (row + 1) * rowHeight };
    },
  };
}
