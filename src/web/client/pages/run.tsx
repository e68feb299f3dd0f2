export function RunPage(_properties: Readonly<Record<string, unknown>>) {
  return <main id="main">RunPage</main>;
}
