export function NetworkPage(_properties: Readonly<Record<string, unknown>>) {
  return <main id="main">NetworkPage</main>;
}
