export function BeginPage(_properties: Readonly<Record<string, unknown>>) {
  return <main id="main">BeginPage</main>;
}
