export function ComparePage(_properties: Readonly<Record<string, unknown>>) {
  return <main id="main">ComparePage</main>;
}
