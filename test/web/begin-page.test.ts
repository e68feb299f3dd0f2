/**
 * The way from photos to a search, in headless Chromium: a folder is dropped, chosen from the browser's machine or below the data folder,
 * checked with its classes, pictures and warnings, forecast and started. What is cancelled leaves nothing.
 */
import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Browser, Page } from 'playwright-core';
import type { Ui } from '../../src/web/server.ts';
import { readRun } from '../../src/run/record/read.ts';
import { makePhotos } from '../cli/fixtures.ts';
import { looks, openChromium, withoutChromium } from '../support/chromium.ts';
import { place } from '../support/runs.ts';
import { enter, seriousFindings, serveHere, withPage } from './dashboard.ts';

const skip = withoutChromium();

describe('photos on the page of a new search', { skip, timeout: 240_000 }, () => {
  const [folder, data, here] = ['runs', 'data', 'here'].map((name) => join(place, name)) as [string, string, string];
  let browser: Browser;
  let ui: Ui;

  before(async () => {
    for (const each of [folder, join(data, 'sets'), here]) mkdirSync(each, { recursive: true });
    await makePhotos(join(data, 'sets', 'nested'), 20);
    cpSync(join(data, 'sets', 'nested'), join(here, 'My photos'), { recursive: true });
    const [first = ''] = readdirSync(join(here, 'My photos'));
    writeFileSync(join(here, 'My photos', first, 'broken.png'), 'no image');
    writeFileSync(join(here, 'My photos', 'film.mp4'), 'no image');
    ui = await serveHere(folder, data);
    browser = await openChromium();
  });
  after(async () => {
    await browser?.close();
    await ui?.close();
  });

  const on = (use: (page: Page) => Promise<void>, options = {}, allowed?: RegExp): Promise<void> =>
    withPage(
      browser,
      options,
      async (page) => {
        await enter(page, ui.address);
        await page.goto(`http://127.0.0.1:${ui.port}/begin`);
        await page.getByText('Drop a folder of photos here').waitFor();
        await use(page);
      },
      allowed,
    );

  /** As from a file manager. */
  async function drop(page: Page, ...files: readonly string[]): Promise<void> {
    const session = await page.context().newCDPSession(page);
    const box = (await page.locator('.drop').boundingBox()) ?? assert.fail('no place to drop');
    for (const type of ['dragEnter', 'dragOver', 'drop'] as const)
      await session.send('Input.dispatchDragEvent', {
        type,
        x: box.x + 20,
        y: box.y + 10,
        data: { items: [], files: [...files], dragOperationsMask: 1 },
      });
  }

  const visible = (): readonly string[] => readdirSync(data).toSorted();

  for (const [at, look] of looks.entries())
    test(`a folder that is dropped is sent, checked and forecast, ${look.viewport.width} wide`, async () => {
      await on(async (page) => {
        await drop(page, join(here, 'My photos'));
        const name = at === 0 ? 'My photos' : 'My photos-2';
        await page.getByText(`files in ${name}`).waitFor();
        assert.ok(visible().includes(name) && !existsSync(join(data, name, 'film.mp4')));
        await page.getByText('The data can be used.').waitFor({ timeout: 60_000 });
        const table = page.getByRole('region', { name: 'Classes' });
        const classes = readdirSync(join(data, 'sets', 'nested'));
        assert.equal(await table.locator('tbody tr').count(), classes.length);
        assert.equal(await table.locator('img').count(), 4 * classes.length);
        assert.equal(await page.evaluate('[...document.images].every(({ naturalWidth }) => naturalWidth > 0)'), true);
        await page.getByText(/1 image left out that cannot be read: .*broken\.png/).waitFor();
        await page.getByText(/^My photos(-2)?: \d+ training images/).waitFor();
        assert.match(await page.locator('.begin pre').innerText(), /^instar search '\S*\/data\/My photos/);
        assert.deepEqual(await seriousFindings(page), []);
        const wide = await page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth');
        assert.ok((wide as number) <= 0, 'does not scroll sideways');
        if (at === 0) await page.getByRole('region', { name: 'Phases of the search' }).waitFor({ timeout: 120_000 });
      }, look);
    });

  test('folders of classes that are dropped together become one', async () => {
    await on(async (page) => {
      const [one = '', other = ''] = readdirSync(join(data, 'sets', 'nested'));
      await drop(page, ...[one, other].map((name) => join(data, 'sets', 'nested', name)));
      await page.getByText('40 files in photos').waitFor();
      assert.deepEqual(readdirSync(join(data, 'photos')).toSorted(), [one, other].toSorted());
    });
  });

  test('what cannot be sent is said before anything is sent', async () => {
    mkdirSync(join(here, 'texts'));
    writeFileSync(join(here, 'texts', 'a.txt'), '');
    writeFileSync(join(here, 'one.png'), '');
    const there = visible();
    await on(async (page) => {
      await drop(page, join(here, 'texts'));
      await page.getByText('There are no images in it.').waitFor();
      await drop(page, join(here, 'one.png'));
      await page.getByText('This is a file.').waitFor();
    });
    assert.deepEqual(visible(), there);
  });

  test('an upload that is cancelled, or left, leaves nothing', async () => {
    mkdirSync(join(here, 'slow', 'cat'), { recursive: true });
    writeFileSync(join(here, 'slow', 'cat', '1.png'), Buffer.alloc(4 << 20));
    const there = visible();
    const gone = async (): Promise<void> => {
      for (let turn = 0; turn < 400 && visible().join() !== there.join(); turn++) await sleep(25);
      assert.deepEqual(visible(), there);
    };
    const begun = async (page: Page): Promise<void> => {
      const session = await page.context().newCDPSession(page);
      const speeds = { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: 200_000 };
      await session.send('Network.enable');
      await session.send('Network.emulateNetworkConditions', speeds);
      await page.getByLabel('Folder to send').setInputFiles(join(here, 'slow'));
      await page.getByText(/^slow: 1 file, 4\.0 MiB/).waitFor();
      for (let turn = 0; turn < 400 && visible().join() === there.join(); turn++) await sleep(25);
      assert.match(visible().join(), /\.instar-upload-/);
    };
    await on(async (page) => {
      await begun(page);
      await page.getByRole('button', { name: 'Cancel' }).click();
      await page.getByText('Cancelled. Nothing is kept.').waitFor();
      await gone();
      await page.getByText('Drop a folder of photos here').waitFor();
    });
    await on(async (page) => {
      await begun(page);
      await page.getByRole('link', { name: 'Runs', exact: true }).click();
      await gone();
    });
  });

  test('a folder below the data folder is chosen and searched; none outside of it is', async () => {
    await on(
      async (page) => {
        await page.locator('summary', { hasText: 'Choose a folder in' }).click();
        await page.getByRole('button', { name: 'sets/' }).click();
        await page.getByRole('button', { name: 'nested/' }).waitFor();
        await page.getByLabel('Path').fill('../here');
        await page.getByLabel('Path').press('Enter');
        await page.getByText('nothing outside the data folder can be chosen').waitFor();
        await page.getByLabel('Path').fill('sets/nested');
        await page.getByRole('button', { name: 'Use this folder' }).click();
        await page.getByText('The data can be used.').waitFor({ timeout: 60_000 });
        await page.getByLabel('Preset').selectOption('quick');
        await page.getByText('The form has changed since this check.').waitFor();
        await page.getByLabel('Steps').fill('1');
        await page.getByLabel('Training images').fill('40');
        await page.getByRole('button', { name: 'Start the search' }).click();
        await page.waitForURL(/\/run\/sets-nested-/);
        const [run = ''] = readdirSync(folder);
        for (let turn = 0; turn < 1200 && !readRun(join(folder, run)).state.search.finished; turn++) await sleep(100);
        const { config, state } = readRun(join(folder, run));
        assert.ok(state.search.finished);
        assert.equal(config.data.where, join(data, 'sets', 'nested'));
      },
      {},
      /status of 422/,
    );
  });

  test('the check says in one line what is wrong', async () => {
    mkdirSync(join(data, 'sets', 'empty'));
    await on(async (page) => {
      await page.locator('summary', { hasText: 'Choose a folder in' }).click();
      await page.getByLabel('Path').fill('sets/empty');
      await page.getByRole('button', { name: 'Use this folder' }).click();
      await page.getByRole('alert').filter({ hasText: 'sets/empty' }).waitFor({ timeout: 60_000 });
      assert.equal(await page.getByText('The data can be used.').count(), 0);
    });
  });
});
