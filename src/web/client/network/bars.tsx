/** The probabilities of the classes, largest first. */
const mostBars = 20;

export function Bars({ classes, probabilities }: { readonly classes: readonly string[]; readonly probabilities: Float32Array }) {
  const rows = Array.from(probabilities, (probability, index) => ({ name: classes[index] ?? `class ${index}`, probability }))
    .toSorted((a, b) => b.probability - a.probability)
    .slice(0, mostBars);
  return (
    <ol class="net-bars" aria-label="Probabilities">
      {rows.map(({ name, probability }, at) => (
        <li key={name} class={at === 0 ? 'first' : ''}>
          <span class="name">{name}</span>
          <span>
            <span class="bar" style={{ display: 'block', width: `${100 * probability}%` }} />
          </span>
          <data value={probability}>{(100 * probability).toFixed(1)} %</data>
        </li>
      ))}
    </ol>
  );
}
