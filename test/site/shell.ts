/** Lines of a shell as far as pages have them: words, quotes, comments, and what separates commands. */

/** The commands of a line, as words; redirections and what they name are left out. */
export function commandsOf(line: string): readonly (readonly string[])[] {
  const commands: string[][] = [[]];
  let word: string | null = null;
  let quote = '';
  let isTarget = false;
  const end = (): void => {
    if (word !== null && !isTarget) commands.at(-1)?.push(word);
    if (word !== null) isTarget = false;
    word = null;
  };
  for (let at = 0; at < line.length; at++) {
    const character = line.charAt(at);
    if (quote !== '') {
      if (character === quote) quote = '';
      else word = (word ?? '') + character;
    } else if (character === "'" || character === '"') {
      quote = character;
      word ??= '';
    } else if (character === '#' && word === null) break;
    else if (/\s/.test(character)) end();
    else if (/[&|;()]/.test(character)) {
      end();
      commands.push([]);
    } else if (/[<>]/.test(character)) {
      if (word !== null && /^\d+$/.test(word)) word = null;
      end();
      isTarget = true;
    } else word = (word ?? '') + character;
  }
  end();
  return commands.filter(({ length }) => length > 0);
}
