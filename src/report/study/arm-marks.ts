/** The marks of arms in figures: each arm has one shape and colour in all of them. */
import { symbolCircle, symbolDiamond, symbolSquare, symbolTriangle } from 'd3-shape';
import type { Arm } from '../../study/result.ts';
import { armLabel } from '../../study/labels.ts';
import { legend, symbolAt } from '../chart.ts';
import type { Markup } from '../markup.ts';

const shapes = [
  [symbolCircle, 46],
  [symbolSquare, 44],
  [symbolTriangle, 42],
  [symbolDiamond, 40],
] as const;

export interface ArmMarks {
  /** `title`: its tooltip. */
  mark(arm: Arm, x: number, y: number, title?: string): Markup;
  legend(arms: readonly Arm[], left: number, width: number): ReturnType<typeof legend>;
}

/** Methods are filled, baselines outlined. After the fourth arm shapes repeat in other colours, so that sixteen differ. */
export function armMarks(all: readonly Arm[]): ArmMarks {
  const mark = (arm: Arm, x: number, y: number, title?: string): Markup => {
    const beside = all.filter(({ baseline }) => baseline === arm.baseline);
    const number = Math.max(
      0,
      beside.findIndex(({ name }) => name === arm.name),
    );
    const colour = (number + Math.floor(number / shapes.length)) % shapes.length;
    const [type, size] = shapes[number % shapes.length] as (typeof shapes)[number];
    return symbolAt(`arm ${arm.baseline ? 'outline' : `arm-${colour + 1}`}`, type, size, x, y, title);
  };
  return {
    mark,
    legend: (arms, left, width) =>
      legend(
        left,
        width,
        arms.map((arm) => ({ name: armLabel(arm), width: 12, sample: (x, y) => mark(arm, x + 6, y) })),
      ),
  };
}
