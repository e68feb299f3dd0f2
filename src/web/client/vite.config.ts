/** How the dashboard's client is built: to dist/web, with the report's own style as one of its files. */
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

/** What replays and draws must do so in a browser. */
const withoutNode: Plugin = {
  name: 'without-node',
  enforce: 'pre',
  resolveId(id, importer) {
    if (id.startsWith('node:')) this.error(`${id} is imported by ${importer ?? 'the page'}, which is to run in a browser`);
    return null;
  },
};

/** Beside each file its packed form, so that the server packs none of them at each visit: ONNX Runtime alone has 14 MB. */
const packed: Plugin = {
  name: 'packed',
  writeBundle({ dir }, bundle) {
    for (const name of Object.keys(bundle)) {
      const path = join(dir ?? '.', name);
      writeFileSync(`${path}.gz`, gzipSync(readFileSync(path), { level: 9 }));
    }
  },
};

export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  plugins: [withoutNode, reportStyle, packed],
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir: fileURLToPath(new URL('../../../dist/web', import.meta.url)),
    emptyOutDir: true,
    target: 'es2022',
    // The page's policy allows no script that is written into it.
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
  },
  worker: { format: 'es' },
});
