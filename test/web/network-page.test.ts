/**
 * The page of a network in headless Chromium: its graph, its file, an image that is tried, and a confusion matrix computed in
 * the browser, which must be what the engine found.
 */
import assert from 'node:assert/strict';
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { readRun } from '../../src/run/record/read.ts';
import { lastAccuracy } from '../../src/report/run-details.ts';
import { candidateOf, type SearchState, networkOf } from '../../src/search/state.ts';
import type { Ui } from '../../src/web/server.ts';
import { must } from '../../src/util/assert.ts';
import { instar } from '../cli/fixtures.ts';
import { putSided } from '../data/places.ts';
import { picture } from '../examples/models.ts';
import { isNarrow } from '../report/in-page.ts';
import { looks, openChromium, withoutChromium } from '../support/chromium.ts';
import { finishedRun, place } from '../support/runs.ts';
import { seriousFindings, serveHere, withPage, untilTrue } from './dashboard.ts';

const skip = withoutChromium();

const folder = join(place, 'networks');
const root = join(folder, 'grown');

describe('the page of a network', { skip }, () => {
  let browser: Browser;
  let ui: Ui;
  let search: SearchState;
  /** A child with operators that is kept, and one that is not. */
  let child = '';
  let gone = '';

  before(async () => {
    mkdirSync(folder);
    renameSync(await finishedRun(), root);
    await putSided(join(place, 'sided'), [40, 15], 40, 12);
    renameSync(await finishedRun({ dataset: join(place, 'sided'), imageSize: 12 }), join(folder, 'wide'));
    ({ search } = readRun(root).state);
    ui = await serveHere(folder);
    const facts = (await (await fetch(`http://127.0.0.1:${ui.port}/api/run?run=grown`)).json()) as { kept: string[] };
    const children = [...search.candidates.values()].filter(({ edits }) => edits.length > 0).map(({ id }) => id);
    child = must(
      children.find((id) => facts.kept.includes(id)),
      'a child that is kept',
    );
    gone = must(
      children.find((id) => !facts.kept.includes(id)),
      'a child that is not kept',
    );
    browser = await openChromium();
  });
  after(async () => {
    await browser?.close();
    await ui?.close();
  });

  const on = (line: string, use: (page: Page) => Promise<void>, options = {}, run = 'grown'): Promise<void> =>
    withPage(browser, options, async (page) => {
      await page.goto(`http://127.0.0.1:${ui.port}/run/${run}?network=${line}`);
      await page.locator('.net-area [data-block]').first().waitFor();
      await use(page);
    });

  const number = (page: Page, expression: string): Promise<number> => page.evaluate<number>(expression);
  const drawnWidth = (page: Page): Promise<number> => number(page, `document.querySelector('.net-area svg').clientWidth`);
  const scrolled = (page: Page): Promise<number> => number(page, `document.querySelector('.net-area').scrollTop`);
  const boxes = (page: Page): Promise<number> => page.locator('.net-area [data-block]').count();

  test('the graph is zoomed by buttons, wheel and keys, folded, dragged, and moved by its map', async () => {
    await on(child, async (page) => {
      const [own, folded] = [await drawnWidth(page), await boxes(page)];
      await page.getByRole('button', { name: 'Larger', exact: true }).click();
      assert.ok((await drawnWidth(page)) > 1.25 * own);
      await page.getByRole('button', { name: '1:1, original size' }).click();
      assert.equal(await drawnWidth(page), own);
      const area = page.locator('.net-area');
      await area.hover();
      await page.keyboard.down('Control');
      await page.mouse.wheel(0, -200);
      await page.keyboard.up('Control');
      await untilTrue(page, `document.querySelector('.net-area svg').clientWidth > ${1.2 * own}`);
      await area.focus();
      await page.keyboard.press('0');
      const fits = `(() => { const a = document.querySelector('.net-area'); return a.scrollHeight <= a.clientHeight + 1; })()`;
      await untilTrue(page, fits);
      await page.keyboard.press('1');
      await untilTrue(page, `document.querySelector('.net-area svg').clientWidth === ${own}`);

      const fold = page.getByLabel('Fold blocks');
      await fold.uncheck();
      assert.equal(await boxes(page), networkOf(search, child).nodes.length);
      await fold.check();
      assert.equal(await boxes(page), folded);
      await fold.uncheck();

      const frame = must(await area.boundingBox(), 'the frame of the graph');
      const map = must(await page.locator('.net-map').boundingBox(), 'the frame of the map');
      await area.evaluate('(element) => { element.scrollTop = 0; }');
      const seen = (): Promise<number> => number(page, `Number(document.querySelector('.net-map .seen').getAttribute('y'))`);
      assert.equal(await seen(), 0);
      await page.mouse.click(map.x + map.width / 2, map.y + map.height - 4);
      const bottom = await scrolled(page);
      assert.ok(bottom > 100, `${bottom}`);
      await untilTrue(page, `Number(document.querySelector('.net-map .seen').getAttribute('y')) > 100`);
      await page.mouse.move(frame.x + 20, frame.y + 100);
      await page.mouse.down();
      await page.mouse.move(frame.x + 20, frame.y + 130);
      await page.mouse.move(frame.x + 20, frame.y + 180);
      await page.mouse.up();
      assert.ok(Math.abs((await scrolled(page)) - (bottom - 80)) <= 1, `dragged from ${bottom} to ${await scrolled(page)}`);
    });
  });

  test('what is different from the parent is marked, and a box that is chosen shows its layers, by the keyboard too', async () => {
    await on(child, async (page) => {
      const marks = page.locator('.net-area .box.added, .net-area .box.altered');
      assert.ok((await marks.count()) > 0);
      assert.ok((await page.locator('.net-map .added, .net-map .altered').count()) > 0);
      const difference = page.getByLabel(/Difference from/);
      await difference.uncheck();
      assert.equal(await marks.count(), 0);
      await difference.check();

      await page.locator('.net-area [data-block]').nth(1).click();
      const network = networkOf(search, child);
      const block = Number(await page.locator('.net-area [data-block]').nth(1).getAttribute('data-block'));
      assert.match(
        await page.locator('.net-chosen').innerText(),
        new RegExp(`\\b${block} [\\s\\S]*parameters[\\s\\S]*multiply-adds`),
      );
      await page.locator('.net-area [data-block][tabindex="0"]').focus();
      await page.keyboard.press('ArrowDown');
      await page.keyboard.press('Enter');
      await untilTrue(page, `document.querySelectorAll('.net-area [data-block]')[2].getAttribute('aria-pressed') === 'true'`);
      const next = await page.locator('.net-area [aria-pressed="true"]').getAttribute('data-block');
      assert.match(await page.locator('.net-chosen').innerText(), new RegExp(`\\b${next} [\\s\\S]*parameters`));

      await page.getByText('All layers as a table').click();
      assert.equal(await page.locator('table.layers tbody tr').count(), network.nodes.length);
      assert.ok((await page.locator('table.layers tbody tr:is(.added, .altered)').count()) > 0);
      const facts = await page.locator('.net-head').innerText();
      assert.match(facts, /Certificate: logits within/);
      assert.match(facts, new RegExp(candidateOf(search, child).parameters.toLocaleString('en-US')));
      assert.match((await page.getByRole('link', { name: 'Download as ONNX' }).getAttribute('href')) ?? '', /model\?run=grown/);
    });
    await on(gone, async (page) => {
      assert.ok(await page.getByRole('button', { name: 'Download as ONNX' }).isDisabled());
      await page.getByText('Its checkpoint is not on disk any more').waitFor();
      assert.equal(await page.getByText('Drop an image here').count(), 0);
    });
  });

  test('an image that was dropped is seen as instar predict sees it, and nothing of it leaves the page', async () => {
    const { png } = await picture('dropped', { channels: 3, height: 30, width: 22 }, 3);
    const path = join(place, 'dropped.png');
    writeFileSync(path, png);
    const predicted = await instar(['predict', root, path, '--json', '--top', '4'], place);
    assert.equal(predicted.code, 0, predicted.err);
    const [{ classes } = { classes: [] }] = JSON.parse(predicted.out) as {
      classes: { name: string; probability: number }[];
    }[];
    await on('final', async (page) => {
      const sent: string[] = [];
      page.on('request', (request) => void (request.method() === 'GET' || sent.push(request.url())));
      await page.evaluate(`(() => {
        const bytes = Uint8Array.from(atob('${png.toString('base64')}'), (each) => each.charCodeAt(0));
        const dataTransfer = new DataTransfer();
        dataTransfer.items.add(new File([bytes], 'dropped.png', { type: 'image/png' }));
        document.querySelector('.net-drop').dispatchEvent(new DragEvent('drop', { dataTransfer, bubbles: true, cancelable: true }));
      })()`);
      await page.getByRole('heading', { name: /^dropped\.png: / }).waitFor({ timeout: 60_000 });
      const names = await page.locator('.net-bars .name').allTextContents();
      const values = await Promise.all((await page.locator('.net-bars data').all()).map((each) => each.getAttribute('value')));
      assert.equal(names[0], classes[0]?.name);
      classes.forEach(({ name, probability }) => {
        const shown = Number(values[names.indexOf(name)]);
        assert.ok(Math.abs(shown - probability) < 0.02, `${name}: ${shown} instead of ${probability}`);
      });
      assert.deepEqual(sent, []);

      await page
        .locator('.net-drop input')
        .setInputFiles({ name: 'text.png', mimeType: 'image/png', buffer: Buffer.from('text') });
      await page.getByText('text.png: this browser cannot read it as an image').waitFor();
      await page.getByRole('button', { name: 'Test images', exact: true }).click();
      await page.locator('.net-try .net-gallery button').nth(3).click();
      await page.getByRole('heading', { name: /^test image 3: / }).waitFor();
      await page.getByText('page 1 of 4').waitFor();
      await page.getByRole('button', { name: 'Next' }).click();
      await page.getByText('page 2 of 4').waitFor();
    });
  });

  test('an image is brought to size as those of the run were', async () => {
    const image = join(place, 'sided', 'test', 'red', '0.png');
    const predicted = await instar(['predict', join(folder, 'wide'), image, '--json'], place);
    assert.equal(predicted.code, 0, predicted.err);
    const [{ classes } = { classes: [] }] = JSON.parse(predicted.out) as {
      classes: { name: string; probability: number }[];
    }[];
    const use = async (page: Page): Promise<void> => {
      await page.getByText('They are padded, resized to 12 × 12 pixels, as the images of the run were.').waitFor();
      await page.locator('.net-drop input').setInputFiles(image);
      await page.getByRole('heading', { name: /^0\.png: / }).waitFor({ timeout: 60_000 });
      const names = await page.locator('.net-bars .name').allTextContents();
      const values = await Promise.all((await page.locator('.net-bars data').all()).map((each) => each.getAttribute('value')));
      for (const { name, probability } of classes) {
        const shown = Number(values[names.indexOf(name)]);
        assert.ok(Math.abs(shown - probability) < 0.02, `${name}: ${shown} instead of ${probability}`);
      }
    };
    await on('final', use, {}, 'wide');
  });

  /** The cells' numbers, row after row. */
  const cellsOf = async (page: Page, part: string): Promise<number[][]> => {
    const rows = await page.locator(`[data-part=${part}] .net-cells tbody tr`).all();
    return Promise.all(
      rows.map(async (row) =>
        (await row.locator('td:not(.number)').allInnerTexts()).map((text) => Number(text === '·' ? 0 : text)),
      ),
    );
  };

  test('the confusion matrix is what the engine found, and a cell shows its images', async () => {
    await on(child, async (page) => {
      await page.getByRole('button', { name: 'Evaluate the validation images' }).click();
      await page.getByText('That is equal to the journal’s accuracy.').waitFor({ timeout: 60_000 });
      const cells = await cellsOf(page, 'validation');
      const all = cells.flat().reduce((sum, each) => sum + each, 0);
      const right = cells.reduce((sum, row, label) => sum + (row[label] as number), 0);
      assert.equal(right / all, lastAccuracy(candidateOf(search, child)));
    });
    await on('final', async (page) => {
      await page.getByRole('button', { name: 'Evaluate the test images' }).click();
      await page.getByText('That is equal to the journal’s accuracy.').waitFor({ timeout: 60_000 });
      const { confusion } = must(search.tests.get('final'), 'the test of the winner');
      assert.deepEqual(await cellsOf(page, 'test'), confusion);
      const label = confusion.findIndex((row, index) => (row[index] ?? 0) > 0);
      const count = confusion[label]?.[label] ?? 0;
      await page.locator('[data-part=test] tbody tr').nth(label).locator('td').nth(label).getByRole('button').click();
      await page.locator('.net-behind .net-gallery canvas').first().waitFor();
      assert.equal(await page.locator('.net-behind .net-gallery canvas').count(), Math.min(24, count));
      assert.deepEqual(await seriousFindings(page), []);
    });
  });

  for (const look of looks)
    test(`${look.viewport.width} pixels wide, ${look.colorScheme}: no wider than the window, nothing serious to find`, () =>
      on(
        child,
        async (page) => {
          await page.locator('.net-area [data-block]').nth(2).click();
          await page.getByText('All layers as a table').click();
          await page.getByRole('button', { name: 'Evaluate the validation images' }).click();
          await page.locator('.net-compared').waitFor({ timeout: 60_000 });
          assert.ok(await page.evaluate(isNarrow));
          assert.deepEqual(await seriousFindings(page), []);
        },
        look,
      ));
});
