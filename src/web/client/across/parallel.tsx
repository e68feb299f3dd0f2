/** Parallel coordinates: an axis for each setting in which the runs differ and for each result, a line for each run. */
import { useSignal } from '@preact/signals';
import type { RunRow } from '../../api.ts';
import { Scrolling } from '../parts.tsx';
import { axesOf, resultOf, type Axis } from './axes.ts';

const [step, height, top, left] = [118, 260, 40, 70];
/** Axes that are shown at first: results, and so many settings. */
const mostSettings = 6;
const resultNames: ReadonlySet<string> = new Set(['time', 'parameters', 'multiplyAdds', 'validation', 'test']);

const x = (at: number): number => left + at * step;
const y = (place: number): number => top + (1 - place) * height;

function pathOf(row: RunRow, axes: readonly Axis[]): string {
  let isDown = false;
  return axes
    .map((axis, at) => {
      const place = axis.place(row);
      if (place === null) {
        isDown = false;
        return '';
      }
      const command = isDown ? 'L' : 'M';
      isDown = true;
      return `${command}${x(at)},${y(place).toFixed(1)}`;
    })
    .join('');
}

/** 1 to 5: the fifth of the runs that a run is in by its result, the best is 5; 0 without one. */
function fifthsOf(rows: readonly RunRow[]): ReadonlyMap<string, number> {
  const { of } = resultOf(rows);
  const ranked = rows.filter((row) => of(row) !== null).toSorted((a, b) => (of(a) ?? 0) - (of(b) ?? 0));
  return new Map(ranked.map(({ id }, at) => [id, 1 + Math.floor((5 * at) / ranked.length)]));
}

export function Parallel({ rows }: { readonly rows: readonly RunRow[] }) {
  const highlighted = useSignal<string | null>(null);
  const hidden = useSignal<ReadonlySet<string> | null>(null);
  const all = axesOf(rows);
  const settings = all.filter(({ name }) => !resultNames.has(name));
  // Unless they are chosen, the first few.
  const off = hidden.value ?? new Set(settings.slice(mostSettings).map(({ name }) => name));
  const axes = all.filter(({ name }) => !off.has(name));
  const fifths = fifthsOf(rows);
  const toggle = (name: string): void => {
    const next = new Set(off);
    if (!next.delete(name)) next.add(name);
    hidden.value = next;
  };
  const width = left + (axes.length - 1) * step + left;
  return (
    <>
      <p class="axes" role="group" aria-label="Axes">
        {all.map(({ name, title }) => (
          <label key={name} class="check">
            <input type="checkbox" checked={!off.has(name)} onChange={() => toggle(name)} /> {title}
          </label>
        ))}
      </p>
      <p class="axes">
        <label>
          Highlight{' '}
          <select
            value={highlighted.value ?? ''}
            onChange={({ currentTarget: { value } }) => (highlighted.value = value === '' ? null : value)}
          >
            <option value="">no run</option>
            {rows.map(({ id }) => (
              <option key={id} value={id}>
                {id}
              </option>
            ))}
          </select>
        </label>
        <span class="note">Colour: {resultOf(rows).name} accuracy, a fifth of the runs each; the best are strongest.</span>
      </p>
      <Scrolling label="Parallel coordinates" class="parallel">
        <svg
          width={width}
          height={top + height + 18}
          role="img"
          aria-label={`Parallel coordinates of ${rows.length} runs over ${axes.map(({ title }) => title).join(', ')}`}
          onPointerLeave={() => (highlighted.value = null)}
        >
          {rows.map((row) => (
            <path
              key={row.id}
              class={`line fifth-${fifths.get(row.id) ?? 0}${highlighted.value === row.id ? ' highlighted' : ''}`}
              d={pathOf(row, axes)}
              onPointerEnter={() => (highlighted.value = row.id)}
            >
              <title>{row.id}</title>
            </path>
          ))}
          {axes.map((axis, at) => (
            <g key={axis.name}>
              <line class="axis" x1={x(at)} x2={x(at)} y1={top} y2={top + height} />
              <text class="title" x={x(at)} y={top - (at % 2 === 0 ? 12 : 26)}>
                {axis.title}
              </text>
              {axis.ticks.map(({ at: place, label }) => (
                <text key={label} x={x(at) - 5} y={y(place) + 4}>
                  {label}
                </text>
              ))}
            </g>
          ))}
        </svg>
      </Scrolling>
    </>
  );
}
