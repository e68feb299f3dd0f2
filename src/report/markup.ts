/**
 * HTML and SVG as values. Whatever is put into a template is text and is escaped, unless it is markup itself: a name of a
 * class or of a file cannot become a tag. Knows nothing of runs.
 */
export interface Markup {
  readonly kind: 'markup';
  readonly text: string;
}

/** What a template takes: nothing, text, numbers, markup, and lists of them. */
export type Content = Markup | string | number | null | undefined | false | readonly Content[];

/** Markup that is taken as it is: our own, or what was escaped before. */
export const raw = (text: string): Markup => Object.freeze({ kind: 'markup', text });

export const nothing: Markup = raw('');

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

/** Letters, digits and signs that mean nothing: nearly all text, and a long figure has tens of thousands of them. */
const plain = /^[ !#-%(-;=?-~]*$/;

/**
 * Text for content and for attributes in quotes. Characters that XML has no place for show as U+FFFD, so that the same markup
 * may stand in a file of its own.
 */
export const escape = (text: string): string =>
  plain.test(text)
    ? text
    : text
        // oxlint-disable-next-line no-control-regex
        .replaceAll(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\ufffe\uffff]|\p{Surrogate}/gu, '\ufffd')
        .replaceAll(/[&<>"']/g, (character) => entities[character] ?? character);

function textOf(content: Content): string {
  if (content === null || content === undefined || content === false) return '';
  if (typeof content === 'string') return escape(content);
  if (typeof content === 'number') return String(content);
  return 'kind' in content ? content.text : content.map(textOf).join('');
}

/** Without the indentation that is there for those who read the template. */
const parts = new WeakMap<TemplateStringsArray, readonly string[]>();

function partsOf(template: TemplateStringsArray): readonly string[] {
  const known = parts.get(template);
  if (known !== undefined) return known;
  const made = template.map((part) => part.replaceAll(/\n\s*/g, '\n'));
  parts.set(template, made);
  return made;
}

/** A template of markup. Attributes must stand in double quotes. */
export const html = (template: TemplateStringsArray, ...contents: readonly Content[]): Markup =>
  raw(partsOf(template).reduce((text, part, index) => text + textOf(contents[index - 1]) + part));

/** Such as ` class="a b"`; nothing where the value is missing. */
export const attribute = (name: string, value: string | number | null | undefined | false): Markup =>
  value === null || value === undefined || value === false ? nothing : html` ${raw(name)}="${value}"`;

/** A coordinate in few digits. */
export const coordinate = (value: number): string => String(Number(value.toFixed(1)));
