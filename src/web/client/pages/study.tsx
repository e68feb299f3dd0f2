export function StudyPage(_properties: Readonly<Record<string, unknown>>) {
  return <main id="main">StudyPage</main>;
}
