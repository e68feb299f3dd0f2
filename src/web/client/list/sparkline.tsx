/** A word-sized curve: validation accuracies along the winner's lineage. */

const width = 84;
const height = 20;
const pad = 2;

export function Sparkline({ values }: { readonly values: readonly number[] }) {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const last = values.at(-1);
  if (values.length < 2 || last === undefined) return null;
  const x = (at: number): number => pad + (at / (values.length - 1)) * (width - 2 * pad);
  const y = (value: number): number =>
    high === low ? height / 2 : height - pad - ((value - low) / (high - low)) * (height - 2 * pad);
  const points = values.map((value, at) => `${x(at).toFixed(1)},${y(value).toFixed(1)}`).join(' ');
  const words = `validation from ${(100 * (values[0] as number)).toFixed(1)} % to ${(100 * last).toFixed(1)} %`;
  return (
    <svg class="sparkline" viewBox={`0 0 ${width} ${height}`} width={width} height={height} role="img" aria-label={words}>
      <polyline points={points} />
      <circle cx={x(values.length - 1).toFixed(1)} cy={y(last).toFixed(1)} r="2" />
    </svg>
  );
}
