export function ListPage(_properties: Readonly<Record<string, unknown>>) {
  return <main id="main">ListPage</main>;
}
