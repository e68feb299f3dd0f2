/**
 * An HTML page that asks for nothing beside itself. The policy for its content allows the style and the script that are written
 * here, images that are embedded, and nothing else. Knows nothing of runs.
 */
import { createHash } from 'node:crypto';
import { version } from '../util/version.ts';
import { html, raw, type Content } from './markup.ts';
import { pageScript } from './page-script.ts';
import { pageStyle } from './page-style.ts';

/** What a policy calls that text. */
export const policyHash = (text: string): string => `sha256-${createHash('sha256').update(text).digest('base64')}`;

const policy = [
  "default-src 'none'",
  'img-src data:',
  `style-src '${policyHash(pageStyle)}'`,
  `script-src '${policyHash(pageScript)}'`,
  "base-uri 'none'",
  "form-action 'none'",
].join('; ');

/** `written`: when, for people. */
export const documentText = (title: string, main: Content, written: string): string =>
  html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta http-equiv="Content-Security-Policy" content="${raw(policy)}" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta name="referrer" content="no-referrer" />
        <title>${title}</title>
        ${raw(`<style>${pageStyle}</style>`)}
      </head>
      <body>
        <main>${main}</main>
        <footer>
          Written by Instar ${version} on ${written}, from the journals of the runs. Nothing is loaded from elsewhere.
        </footer>
        ${raw(`<script>${pageScript}</script>`)}
      </body>
    </html> `.text;
