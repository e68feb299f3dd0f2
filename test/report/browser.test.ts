/**
 * The report in headless Chromium: as a file, on a desk and on a telephone, light and dark, without a script, on paper. It
 * asks for nothing, complains of nothing, and never scrolls sideways.
 */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { reportCommand } from '../../src/cli/report.ts';
import { svgFile } from '../../src/report/figure.ts';
import { figuresOf } from '../../src/report/figures.ts';
import { reportPage } from '../../src/report/page.ts';
import { detailsOf } from '../../src/report/run-details.ts';
import { must } from '../../src/util/assert.ts';
import { pretend } from '../cli/fixtures.ts';
import { looks, openChromium, withoutChromium } from '../support/chromium.ts';
import { finishedRun, place, tiny } from '../support/runs.ts';
import { grownRun } from './grown.ts';
import { hostile } from './hostile.ts';
import * as inPage from './in-page.ts';
import { openPage } from './open-page.ts';

const skip = withoutChromium();

/** Five steps, in some seconds. */
const fiveSteps = {
  settings: {
    ...tiny.settings,
    images: 64,
    vanilla: { epochs: 1 },
    step: { children: 4, mutations: 2, epochs: 12 },
    limits: { steps: 5, parameters: 4_000, multiplyAdds: 120_000, memory: 2 ** 32 },
    final: { epochs: 2 },
  },
};

describe('the report in a browser', { skip }, () => {
  let browser: Browser;
  /** A real run of five steps, one of as many children as the paper's, and one with names that would like to be tags. */
  const pages: Record<'real' | 'large' | 'hostile', string> = { real: '', large: '', hostile: '' };
  let figures = '';

  before(async () => {
    const run = await finishedRun(fiveSteps);
    figures = join(place, 'figures');
    const world = pretend();
    assert.equal(await reportCommand([run], { figures }, world.io), 0, world.err());
    pages.real = join(run, 'report.html');
    for (const [name, read] of [
      ['large', grownRun({ baseline: true })],
      ['hostile', grownRun({ steps: 1, children: 4, epochs: 24, mutations: 2, classes: hostile, name: hostile[0] ?? '' })],
    ] as const) {
      pages[name] = join(place, `${name}.html`);
      writeFileSync(pages[name], reportPage([{ read, mistakes: { kind: 'absent', reason: hostile[0] ?? '' } }], 'today'));
    }
    browser = await openChromium();
  });
  after(() => browser.close());

  const withPage = (path: string, options: BrowserContextOptions, use: (page: Page) => Promise<void>): Promise<void> =>
    openPage(browser, path, options, use);

  for (const name of ['real', 'large', 'hostile'] as const)
    for (const look of looks)
      test(`${name}, ${look.viewport.width} wide, ${look.colorScheme}`, async () => {
        await withPage(pages[name], look, async (page) => {
          assert.ok(await page.evaluate(inPage.isNarrow), 'the page does not scroll sideways');
          // Everything unfolded, too.
          await page.evaluate(inPage.unfoldAll);
          assert.ok(await page.evaluate(inPage.isNarrow), 'nor does it with all details');
          const paper = await page.evaluate(inPage.paper);
          assert.equal(paper, look.colorScheme === 'light' ? 'rgb(255, 255, 255)' : 'rgb(20, 24, 28)');
          const seen = await page.evaluate<number[]>(inPage.drawingsSeen);
          assert.ok(seen.length > 6 && seen.every((count) => count === 1), `one drawing a figure: ${seen.join()}`);
        });
      });

  test('the validation images that are wrong are there, enlarged', () =>
    withPage(pages.real, {}, async (page) => {
      const widths = await page.evaluate<[number, number][]>(inPage.imageWidths);
      assert.ok(widths.length > 0);
      for (const [natural, shown] of widths) assert.deepEqual([natural, shown], [8, 64]);
    }));

  test('the network is drawn larger, smaller and whole; a box leads to its layers in a table that unfolds', () =>
    withPage(pages.large, { viewport: looks[0].viewport }, async (page) => {
      const graph = page.locator('#r1-architecture .zoomable').first();
      const width = async (): Promise<number> => (await graph.locator('svg').boundingBox())?.width ?? 0;
      const own = await width();
      await graph.getByRole('button', { name: 'Larger' }).click();
      assert.ok(Math.abs((await width()) - 1.3 * own) < 2);
      await graph.getByRole('button', { name: 'The whole network' }).click();
      const box = must(await graph.locator('svg').boundingBox(), 'svg');
      const frame = must(await graph.locator('.scroll').boundingBox(), 'frame');
      assert.ok(box.width <= frame.width && box.height <= frame.height, 'all of it is within its frame');
      const link = graph.locator('a').nth(3);
      const target = must(await link.getAttribute('href'), 'target').slice(1);
      assert.equal(await page.locator(`#${target}`).isVisible(), false);
      await link.click();
      assert.ok(await page.locator(`#${target}`).isVisible());
    }));

  test('without a script all figures and tables are there, and details unfold', () =>
    withPage(pages.real, { javaScriptEnabled: false, viewport: looks[1].viewport }, async (page) => {
      assert.ok((await page.locator('figure svg:visible').count()) > 6);
      assert.ok((await page.locator('table.children').count()) === 5);
      const details = page.locator('.changes details').first();
      assert.equal(await details.locator('svg').isVisible(), false);
      await details.locator('summary').click();
      assert.ok(await details.locator('svg').isVisible());
    }));

  test('text is legible in both schemes: a contrast of at least 4.5', async () => {
    for (const { colorScheme } of looks)
      await withPage(pages.large, { colorScheme }, async (page) => {
        assert.deepEqual(await page.evaluate(inPage.lowContrasts), [], colorScheme);
      });
  });

  test('it prints', () =>
    withPage(pages.real, { colorScheme: 'dark' }, async (page) => {
      const pdf = await page.pdf({ format: 'A4', printBackground: true });
      assert.equal(pdf.subarray(0, 5).toString(), '%PDF-');
      const sheets = pdf.toString('latin1').match(/\/Type\s*\/Page\b/g)?.length ?? 0;
      assert.ok(sheets >= 4 && sheets <= 20, `${sheets} sheets`);
      await page.emulateMedia({ media: 'print', colorScheme: 'dark' });
      assert.equal(await page.evaluate(inPage.paper), 'rgb(255, 255, 255)');
    }));

  test('each figure is a file that a browser draws', async () => {
    const names = readdirSync(figures);
    assert.ok(names.includes('validation.svg') && names.includes('step-5.svg'), names.join());
    for (const name of names)
      await withPage(join(figures, name), {}, async (page) => {
        assert.ok(await page.evaluate(inPage.isSvg));
      });
    const strange = join(place, 'strange.svg');
    const read = grownRun({ steps: 1, children: 4, epochs: 24, mutations: 2, classes: hostile });
    writeFileSync(strange, svgFile(must(figuresOf(detailsOf(read)).classes, 'figure')));
    await withPage(strange, {}, async (page) => {
      assert.equal(await page.evaluate(inPage.foreignElements), 0);
      assert.ok((await page.evaluate<string>(inPage.allText)).includes(`"'&<>`));
    });
  });

  test('the file is small, and the run beside it as it was', () => {
    assert.ok(statSync(pages.real).size < 3e6);
    assert.ok(existsSync(join(pages.real, '..', 'journal.jsonl')));
    assert.ok(readFileSync(pages.real, 'utf8').startsWith('<!doctype html>'));
  });
});
