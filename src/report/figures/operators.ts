/** What the operators of a run gained: a row each, its places within it. */
import { operatorNames } from '../../morphism/operators.ts';
import { gainsByOperator, type Place, type Sum } from '../../search/gains.ts';
import { domainOf, label, mark, rowPlot, segment, shortNumber } from '../chart.ts';
import { narrowWidth, type Figure } from '../figure.ts';
import { html } from '../markup.ts';
import type { RunDetails } from '../run-details.ts';

const gainOf = ({ sum, weight }: Sum): number => sum / weight;
const percent = (gain: number): string => `${gain < 0 ? '−' : '+'}${Math.abs(100 * gain).toFixed(1)} %`;
const children = (weight: number): string => `${shortNumber(weight)} ${weight === 1 ? 'child' : 'children'}`;

/** Where an operator acts, in words. */
export const placeWords = (place: Place): string => (place === 0 ? 'before any pool' : `at 1⁄${2 ** place} of the side`);

export function operatorsFigure({ state }: RunDetails): Figure | null {
  const gains = gainsByOperator(state.search);
  const rows = operatorNames
    .flatMap((operator) => {
      const own = gains.get(operator);
      return own === undefined ? [] : [{ operator, ...own, gain: gainOf(own) }];
    })
    .toSorted((a, b) => b.gain - a.gain);
  if (rows.length === 0) return null;
  const all = rows.flatMap(({ gain, places }) => [gain, ...[...places.values()].map(gainOf)]);
  const xAxis = {
    domain: domainOf([0, ...all], 0.1, 0.01),
    title: 'gain over siblings, % of the loss',
    ticks: 5,
    format: (value: number): string => shortNumber(100 * value),
  };
  const area = rowPlot(narrowWidth, rows.length, 24, xAxis, 124);
  const zero = segment('axis', [area.x(0), area.top], [area.x(0), area.bottom]);
  const content = rows.map(({ operator, gain, weight, places }, index) => {
    const y = area.rowAt(index);
    const dots = [...places].map(([place, sum]) =>
      mark(
        'hollow',
        area.x(gainOf(sum)),
        y,
        `${operator} ${placeWords(place)}: ${percent(gainOf(sum))}, ${children(sum.weight)}`,
      ),
    );
    const whole = mark('star', area.x(gain), y, `${operator}: ${percent(gain)}, ${children(weight)}`);
    return html`${label(area.left - 8, y + 4, 'small end', operator)}${dots}${whole}`;
  });
  const words = rows.map(({ operator, gain, weight }) => `${operator} ${percent(gain)} (${children(weight)})`);
  return {
    name: 'operators',
    title: 'What operators gained',
    alternative: `By how much the loss of children was below their siblings’, by operator: ${words.join(', ')}.`,
    caption:
      'By how much the loss of children was below the median of their step, at equal multiply-adds, shared evenly among the edits of each (★), and by the place of the edit (○). A few children say little.',
    narrow: { width: narrowWidth, height: area.height, content: html`${area.axes}${zero}${content}` },
  };
}
