/** Builds the dashboard's client to dist/web, with the report's style as one of its files. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { defineConfig, type Plugin } from 'vite';
import { pageStyle } from '../../report/page-style.ts';

const styleName = 'virtual:report.css';

const reportStyle: Plugin = {
  name: 'report-style',
  resolveId: (id) => (id === styleName ? `\0${styleName}` : null),
  load: (id) => (id === `\0${styleName}` ? pageStyle : null),
};

/** Refuses modules that a browser does not have. */
const withoutNode: Plugin = {
  name: 'without-node',
  enforce: 'pre',
  resolveId(id, importer) {
    if (id.startsWith('node:')) this.error(`${importer ?? 'the page'} imports ${id}, which a browser does not have`);
    return null;
  },
};

/** Writes a gzipped copy of each file, so that the server compresses none per request: ONNX Runtime alone has 14 MB. */
const gzipped: Plugin = {
  name: 'gzipped',
  writeBundle({ dir }, bundle) {
    for (const name of Object.keys(bundle)) {
      const path = join(dir ?? '.', name);
      writeFileSync(`${path}.gz`, gzipSync(readFileSync(path), { level: 9 }));
    }
  },
};

/** Files name each other by relative paths, so that they may lie under any base; the page, which has many addresses, by absolute ones. */
const absoluteInPage: Plugin = {
  name: 'absolute-in-page',
  transformIndexHtml: { order: 'post', handler: (html) => html.replaceAll('="./', '="/') },
};

export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  base: './',
  plugins: [withoutNode, reportStyle, absoluteInPage, gzipped],
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir: fileURLToPath(new URL('../../../dist/web', import.meta.url)),
    emptyOutDir: true,
    target: 'es2022',
    // The page's policy allows no inline script.
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
  },
  worker: { format: 'es' },
});
