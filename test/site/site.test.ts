/** The site in a browser, as files without a server: pages, search, a narrow screen, both colour schemes; and the moving picture. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import axe from 'axe-core';
import type { Page } from 'playwright-core';
import { buildSite } from '../../site/build.ts';
import { placeOf } from '../../site/document.ts';
import { columns, filmSvg, rows, type Frame } from '../../site/film.ts';
import { rowOf, wrapped } from '../../site/screen.ts';
import { looks, openChromium, withoutChromium } from '../support/chromium.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const place = mkdtempSync(join(tmpdir(), 'instar-site-'));
after(() => rmSync(place, { recursive: true, force: true }));
const { pages } = buildSite(root, place);
const addressOf = (path: string): string => pathToFileURL(join(place, path)).href;

/** The rules that need no look at each pixel. */
const violations = async (page: Page): Promise<readonly string[]> => {
  await page.addScriptTag({ content: axe.source });
  return page.evaluate(async () => {
    const { axe: checker } = globalThis as unknown as { axe: typeof axe };
    const { violations: found } = await checker.run({ runOnly: ['wcag2a', 'wcag2aa'], preload: false });
    return found.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`));
  });
};

test('pages stand, are read with all means, fit a telephone, and are found', { skip: withoutChromium() }, async () => {
  const browser = await openChromium();
  try {
    for (const look of looks) {
      const page = await browser.newPage(look);
      const wrong: string[] = [];
      page.on('pageerror', (error) => void wrong.push(error.message));
      page.on('requestfailed', (request) => void wrong.push(request.url()));
      for (const path of ['README.md', 'docs/commands.md', 'docs/photos.md']) {
        assert.ok(pages.has(path));
        await page.goto(addressOf(placeOf(path)));
        const width = await page.evaluate<number>('document.documentElement.scrollWidth');
        assert.ok(width <= look.viewport.width, `${path}: ${width} pixels wide`);
        assert.deepEqual(await violations(page), [], path);
      }
      await page.keyboard.press('/');
      await page.keyboard.type('labels in a tab');
      await page.locator('#found a', { hasText: 'Labels in a table' }).first().click();
      await page.waitForURL(/photos\.html#labels-in-a-table$/);
      assert.equal(await page.locator('#found').isVisible(), false);
      await page.fill('#words', 'nosuchword');
      await page.locator('#found', { hasText: 'Nothing has all of: nosuchword' }).waitFor();
      assert.deepEqual(wrong, []);
      await page.close();
    }
  } finally {
    await browser.close();
  }
});

test('lines of a terminal become rows of one style each', () => {
  const row = rowOf('\u001b[1;36minstar\u001b[0m two \u001b[32m84.0 %\u001b[0m');
  assert.deepEqual(row, [
    { text: 'instar', style: '1;36' },
    { text: ' two ', style: '' },
    { text: '84.0 %', style: '32' },
  ]);
  assert.deepEqual(
    wrapped(row, 8).map((each) => each.map(({ text }) => text).join('')),
    ['instar t', 'wo 84.0 ', '%'],
  );
});

const frames: readonly Frame[] = ['one', 'two', 'three'].map((word, time) => ({
  time,
  lines: [`<${word}>`, 'x'.repeat(columns + 1)],
}));

test('a film shows its screens one after the other, and rests on the last', { skip: withoutChromium() }, async () => {
  writeFileSync(join(place, 'film.svg'), filmSvg(frames, { title: 'a & b', seconds: 2, rest: 10 }));
  writeFileSync(join(place, 'film.html'), '<img src="film.svg">');
  const browser = await openChromium();
  try {
    const page = await browser.newPage();
    await page.goto(addressOf('film.svg'));
    const shift = "new DOMMatrix(getComputedStyle(document.querySelector('.film')).transform).m42";
    const shiftAt = (seconds: number): Promise<number> =>
      page.evaluate<number>(`(() => {
        const [animation] = document.getAnimations();
        animation.pause();
        animation.currentTime = ${seconds * 1000};
        return ${shift};
      })()`);
    const height = rows * 19 + 32;
    assert.deepEqual(
      [await shiftAt(0), await shiftAt(1.2), await shiftAt(2.1), await shiftAt(11)],
      [0, -height, -2 * height, -2 * height],
    );
    await page.emulateMedia({ reducedMotion: 'reduce' });
    assert.equal(await page.evaluate<number>('document.getAnimations().length'), 0);
    assert.equal(await page.evaluate<number>(shift), -2 * height, 'who wants less motion sees the last screen');
    assert.equal(await page.locator('title').textContent(), 'a & b');
  } finally {
    await browser.close();
  }
});

test('the picture of README.md is of the run whose journal is here, and small', () => {
  const svg = readFileSync(join(root, 'docs/search.svg'), 'utf8');
  const { settings } = JSON.parse(readFileSync(join(root, 'results/cifar10/run/config.json'), 'utf8')) as {
    settings: { seed: number };
  };
  assert.ok(svg.includes(`<title>instar search cifar10 --budget 10m --seed ${settings.seed}:`));
  assert.ok(svg.length < 200_000, String(svg.length));
  assert.ok(svg.includes('prefers-reduced-motion'));
});
