/** A page of Markdown: its headings with the anchors that GitHub gives them, its links, its text by sections, its HTML. Pure. */
import GithubSlugger from 'github-slugger';
import MarkdownIt, { type Token } from 'markdown-it';
import { escape } from '../src/report/markup.ts';

export interface Heading {
  readonly level: number;
  readonly text: string;
  readonly anchor: string;
}

/** What stands between a heading and the next one; the first section is that of the title. */
export interface Section extends Heading {
  readonly body: string;
}

export interface Page {
  readonly title: string;
  readonly sections: readonly Section[];
  /** Targets of links and images, as they are written. */
  readonly links: readonly string[];
  /** Blocks of code in order, with the word behind their fence. */
  readonly code: readonly { readonly language: string; readonly text: string }[];
  /** Texts in backticks outside blocks. */
  readonly inlineCode: readonly string[];
  /** HTML; `rewrite` gives the address of a link. */
  render(rewrite: (link: string) => string): string;
}

const markdown = new MarkdownIt({ html: true });

/** Targets in HTML, such as those of `<picture>`. */
const htmlTarget = /\b(?:href|src|srcset)="([^"]*)"/g;
const isHtml = ({ type }: Token): boolean => type === 'html_block' || type === 'html_inline';

const childrenOf = (token: Token | undefined): readonly Token[] => token?.children ?? [];

const textOf = (tokens: readonly Token[]): string =>
  tokens
    .map((token) => (token.type === 'softbreak' ? ' ' : token.type === 'image' ? textOf(childrenOf(token)) : token.content))
    .join('');

const linkKinds: Readonly<Record<string, string>> = { link_open: 'href', image: 'src' };

export function readPage(text: string): Page {
  const tokens = markdown.parse(text, {});
  const slugger = new GithubSlugger();
  const sections: (Heading & { body: string })[] = [];
  for (const [at, token] of tokens.entries()) {
    const { type, tag } = token;
    if (type === 'heading_open') {
      const heading = textOf(childrenOf(tokens[at + 1]));
      const anchor = slugger.slug(heading);
      token.attrSet('id', anchor);
      sections.push({ level: Number(tag.slice(1)), text: heading, anchor, body: '' });
    }
    const section = sections.at(-1);
    if (section === undefined || tokens[at - 1]?.type === 'heading_open') continue;
    if (type === 'inline') section.body += `${textOf(childrenOf(token))}\n`;
    if (type === 'fence' || type === 'code_block') section.body += token.content;
  }
  const inline = tokens.flatMap(childrenOf);
  const inHtml = [...tokens, ...inline]
    .filter(isHtml)
    .flatMap(({ content }) => [...content.matchAll(htmlTarget)].map(([, target = '']) => target));
  const code = tokens.filter(({ type }) => type === 'fence');
  return {
    title: sections[0]?.text ?? '',
    sections,
    links: [
      ...inline.flatMap((token) => {
        const target = token.attrGet(linkKinds[token.type] ?? '');
        return target === null ? [] : [decodeURI(String(target))];
      }),
      ...inHtml,
    ],
    code: code.map(({ info, content }) => ({ language: info, text: content })),
    inlineCode: inline.filter(({ type }) => type === 'code_inline').map(({ content }) => content),
    render(rewrite) {
      const { rules } = markdown.renderer;
      const again = markdown.parse(text, {});
      for (const [at, token] of again.entries()) {
        const id = tokens[at]?.attrGet('id') ?? null;
        if (id !== null) token.attrSet('id', id);
        for (const child of [token, ...childrenOf(token)]) {
          if (isHtml(child))
            child.content = child.content.replaceAll(htmlTarget, (whole, target: string) =>
              whole.replace(target, rewrite(target)),
            );
          const name = linkKinds[child.type];
          if (name !== undefined) child.attrSet(name, rewrite(decodeURI(String(child.attrGet(name) ?? ''))));
        }
      }
      rules['table_open'] = () => '<div class="wide" role="region" aria-label="Table" tabindex="0"><table>\n';
      rules['table_close'] = () => '</table></div>\n';
      rules['fence'] = (all, at) => `<pre tabindex="0"><code>${escape(all[at]?.content ?? '')}</code></pre>\n`;
      return markdown.renderer.render(again, markdown.options, {});
    },
  };
}
