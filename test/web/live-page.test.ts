/** Pages that are looked at while runs go on: what was unfolded and scrolled stays so, and as many runs as can be compared move. */
import assert from 'node:assert/strict';
import { appendFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { folderOf } from '../../src/run/record/folder.ts';
import { lockRun } from '../../src/run/record/lock.ts';
import type { Ui } from '../../src/web/server.ts';
import { openChromium, withoutChromium } from '../support/chromium.ts';
import { serveHere, withPage } from './dashboard.ts';
import { newFolder, writeRun } from './folders.ts';

const skip = withoutChromium();
const text = (lines: readonly string[]): string => lines.map((line) => `${line}\n`).join('');

/** A run of which so many events are there, held as by a process that is on it. */
function going(root: string, seed: number, isThere: (line: string) => boolean) {
  const lines = writeRun(root, { steps: 3, children: 4, epochs: 12, mutations: 1, seed });
  const { journal, lock } = folderOf(root);
  let told = lines.findIndex((line) => !isThere(line));
  writeFileSync(journal, text(lines.slice(0, told)));
  return {
    release: lockRun(lock),
    /** Appends events up to that which is so. */
    until(isLast: (line: string) => boolean): void {
      const to = lines.findIndex((line, at) => at >= told && isLast(line)) + 1;
      assert.ok(to > 0, 'the journal has such an event');
      appendFileSync(journal, text(lines.slice(told, to)));
      told = to;
    },
  };
}
const isStep =
  (step: number) =>
  (line: string): boolean =>
    line.includes(`"type":"step","step":${step},`);

describe('pages of runs that go on', { skip }, () => {
  let browser: Browser;
  let ui: Ui;
  const folder = newFolder();
  before(async () => {
    browser = await openChromium();
    ui = await serveHere(folder);
  });
  after(async () => {
    await browser.close();
    await ui.close();
  });
  const on = (path: string, width: number, use: (page: Page) => Promise<void>): Promise<void> =>
    withPage(browser, { viewport: { width, height: 900 } }, async (page) => {
      await page.goto(`http://127.0.0.1:${ui.port}${path}`);
      await use(page);
    });

  test('a step that was unfolded stays so while the run goes on, and a table stays where it was scrolled to', async () => {
    const run = going(join(folder, 'going'), 1, (line) => !isStep(3)(line));
    try {
      await on('/run/going?tab=family', 260, async (page) => {
        const step = (number: number) => page.locator('details', { has: page.getByText(`Step ${number}`, { exact: true }) });
        const isOpen = (number: number): Promise<boolean> =>
          step(number).evaluate((each) => (each as unknown as { readonly open: boolean }).open);
        await step(2).waitFor();
        assert.deepEqual([await isOpen(1), await isOpen(2)], [false, true]);
        assert.equal(await step(1).locator('table').count(), 0, 'what is not looked at is not made');
        await step(1).locator('summary').focus();
        await page.keyboard.press('Enter');
        await step(1).locator('table').waitFor();
        const table = step(1).locator('.scroll');
        await table.evaluate((each) => (each.scrollLeft = 60));
        const scrolled = (): Promise<number> => table.evaluate((each) => each.scrollLeft);
        assert.ok((await scrolled()) > 0, 'it is wider than the page');
        const at = await scrolled();
        run.until(isStep(3));
        await step(3).waitFor();
        run.until((line) => line.includes('"type":"rung"'));
        await step(3).getByTitle('dropped here').first().waitFor();
        assert.deepEqual([await isOpen(1), await isOpen(2), await isOpen(3)], [true, false, true]);
        assert.equal(await scrolled(), at);
        await step(3).locator('summary').click();
        await step(2).locator('summary').click();
        run.until((line) => line.includes('"type":"selected"'));
        await page.getByText(/^s3c\d was selected/).waitFor();
        assert.deepEqual([await isOpen(1), await isOpen(2), await isOpen(3)], [true, true, false]);
        assert.equal(await scrolled(), at);
      });
    } finally {
      run.release();
    }
  });

  test('workers on other machines: who does what, how fast, and how many jobs wait', async () => {
    const root = join(folder, 'queued');
    const run = going(root, 1, (line) => !line.includes('"type":"epoch","line":"s1c1"'));
    const tell = (t: number, done: number, waiting: number): void => {
      const progress = [{ type: 'progress', task: 's1c1/0', line: 's1c1', done, count: 3000, loss: 1.5, peak: 2 ** 30 }];
      const workers = [{ task: 's1c1/0', worker: 'far <b>away</b>:77', engine: 'onednn 3.4 (avx2)' }];
      writeFileSync(
        folderOf(root).live,
        JSON.stringify({
          t,
          progress,
          elsewhere: { waiting, queued: 3, workers: waiting === 3 ? [] : workers, others: ['idle-host:5'] },
        }),
      );
    };
    try {
      tell(1000, 1000, 3);
      await on('/run/queued', 1280, async (page) => {
        await page.getByText('3 jobs of this run wait for a worker on the queue.').waitFor();
        tell(1002, 1050, 1);
        await page.getByText('1 job of this run waits for a worker on the queue, with 2 jobs of others.').waitFor();
        const row = page.getByRole('region', { name: 'Workers' }).locator('tbody tr');
        await row.getByText('250', { exact: true }).waitFor();
        // 50 minibatches of 10 images in 2 seconds.
        assert.deepEqual(await row.locator('td, th').allInnerTexts(), [
          's1c1/0',
          'far <b>away</b>:77',
          'onednn 3.4 (avx2)',
          '',
          '1,050 / 3,000',
          '250',
          '1.0 GiB',
          'free, or on another run',
          'idle-host:5',
          '',
          '',
          '',
          '',
          '',
        ]);
      });
    } finally {
      run.release();
    }
  });

  test('eight running runs are compared: all of them move, through one connection', async () => {
    const names = Array.from({ length: 8 }, (_none, at) => `live-${at}`);
    const runs = names.map((name, at) => going(join(folder, name), at, (line) => !isStep(2)(line)));
    try {
      await on('/', 1280, async (page) => {
        let streams = 0;
        page.on('request', (request) => (streams += request.url().includes('/events') ? 1 : 0));
        await page.goto(`http://127.0.0.1:${ui.port}/compare?${names.map((name) => `run=${name}`).join('&')}`);
        await page.locator('.legend-bar .state-running').nth(7).waitFor({ timeout: 30_000 });
        const steps = page.locator('.side-by-side tr', { has: page.getByRole('rowheader', { name: 'steps', exact: true }) });
        assert.deepEqual(await steps.locator('td').allInnerTexts(), Array(8).fill('1'));
        for (const run of runs) run.until(isStep(3));
        const begun = performance.now();
        for (let at = 0; at < names.length; at++)
          await steps.locator('td').nth(at).getByText('2', { exact: true }).waitFor({ timeout: 30_000 });
        assert.ok(performance.now() - begun < 20_000, 'none waits for its turn');
        assert.equal(streams, 1);
      });
    } finally {
      for (const { release } of runs) release();
    }
  });
});
