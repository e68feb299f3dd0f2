/**
 * The page of a run in headless Chromium: a search begun, watched, stopped, resumed to its end, its network taken away and run;
 * a server that dies and comes back; a run that is killed.
 */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import * as ort from 'onnxruntime-node';
import type { Browser, Page, Request } from 'playwright-core';
import { allBytes } from '../../src/data/images.ts';
import { channelsLast } from '../../src/data/dataset.ts';
import { linesFor } from '../../src/run/display/wording.ts';
import { formatPercent } from '../../src/util/words.ts';
import { readRun } from '../../src/run/record/read.ts';
import { emptyView, observe } from '../../src/run/display/view.ts';
import { looks, openChromium, withoutChromium } from '../support/chromium.ts';
import { longer, place, readQuadrants, sleep, startProcess, until } from '../support/runs.ts';
import { enter, seriousFindings, serveApart, serveHere, untilTrue, withPage } from './dashboard.ts';

const skip = withoutChromium();
const { dataset } = await readQuadrants();

/** What a page that has every event of a run once, in order, has in its log. */
function expectedLog(root: string): string {
  const { config, replay } = readRun(root);
  let view = emptyView;
  const lines: string[] = [];
  for (const entry of replay.entries) {
    view = observe(view, entry, entry.t);
    lines.push(...linesFor(entry, view, config));
  }
  return lines.slice(-400).join('\n');
}

const openTab = (page: Page, name: string): Promise<void> => page.getByRole('tab', { name, exact: true }).click();

async function logOf(page: Page): Promise<string> {
  await openTab(page, 'Log');
  return page.locator('pre.log').first().innerText();
}

/** Waits until the page says so. */
const says = (page: Page, text: string | RegExp, seconds = 60): Promise<void> =>
  page
    .getByText(text)
    .first()
    .waitFor({ timeout: 1000 * seconds });

/** A run that takes its time: many epochs of few images. */
const slow = {
  ...longer,
  settings: {
    ...longer.settings,
    vanilla: { epochs: 12 },
    step: { children: 4, mutations: 3, epochs: 4800 },
    limits: { ...longer.settings?.limits, steps: 4 },
  },
};

describe('the page of a run', { skip }, () => {
  let browser: Browser;
  before(async () => {
    browser = await openChromium();
  });
  after(() => browser.close());

  test('a search is begun, watched, stopped, resumed to its end, and its network taken away and run', async () => {
    const folder = join(place, 'ui-1');
    const ui = await serveHere(folder, place);
    const base = `http://127.0.0.1:${ui.port}`;
    try {
      await withPage(browser, {}, async (page) => {
        await enter(page, ui.address);
        const begun = await page.evaluate(async (token) => {
          const form = {
            data: 'quadrants',
            name: 'watched',
            preset: 'quick',
            method: 'shr',
            seed: 3,
            engine: 'auto',
            workers: 1,
            baseline: false,
            steps: 2,
          };
          const headers = { 'Content-Type': 'application/json', 'Instar-Token': token };
          const response = await fetch('/api/search', { method: 'POST', headers, body: JSON.stringify(form) });
          return [response.status, await response.json()];
        }, ui.token);
        assert.deepEqual(begun, [201, { id: 'watched' }]);
        const root = join(folder, 'watched');
        await until('the run begins', 60, () => {
          try {
            return readRun(root).state.search.candidates.has('vanilla');
          } catch {
            return false;
          }
        });
        // Headless browsers refuse all notifications: what is shown is kept in their place.
        await page.addInitScript(() => {
          const shown: string[] = [];
          const permission = 'granted';
          Object.assign(globalThis, {
            shown,
            Notification: class extends EventTarget {
              static readonly permission = permission;
              constructor(title: string) {
                super();
                shown.push(title);
              }
            },
          });
        });
        const notified = (): Promise<unknown> => page.evaluate('shown');
        await page.goto(`${base}/run/watched`);
        await says(page, 'Now');
        await untilTrue(page, '/^(\\d{1,2} % · )?watched · Instar$/.test(document.title)');
        await says(page, /^(Training the vanilla network|Step 1)/);
        await page.getByRole('button', { name: 'Stop, keep the best' }).click();
        await says(page, 'The run was interrupted', 30);
        assert.deepEqual(await notified(), [], 'nobody asked for it');
        assert.match(await page.title(), /^interrupted(, [\d.]+ %)? · watched · Instar$/);
        await page.getByRole('button', { name: 'Resume', exact: true }).click();
        await page.getByRole('button', { name: 'Notify me when it ends' }).click();
        await says(page, '✓ You will be notified');
        await untilTrue(page, '/^(\\d{1,2} % · watched|finished)/.test(document.title)');
        await says(page, 'The run is finished.', 120);
        const accuracy = formatPercent(readRun(root).state.search.tests.get('final')?.measured.accuracy ?? 0);
        assert.deepEqual(await notified(), [`watched finished, ${accuracy}`]);
        assert.equal(await page.title(), `finished, ${accuracy} · watched · Instar`);
        assert.equal(await logOf(page), expectedLog(root));
        await openTab(page, 'Overview');

        const [download] = await Promise.all([
          page.waitForEvent('download'),
          page.getByRole('link', { name: 'Best network as ONNX' }).click(),
        ]);
        const { state } = readRun(root);
        const session = await ort.InferenceSession.create(readFileSync(await download.path()));
        const { images, labels } = dataset.test;
        const { channels, height, width } = dataset.shape;
        const pixels = channelsLast(allBytes(images), dataset.shape);
        const [input] = session.inputNames as readonly [string];
        const answers = await session.run({ [input]: new ort.Tensor('uint8', pixels, [labels.length, height, width, channels]) });
        const logits = answers['logits']?.data as Float32Array;
        const classes = dataset.classes.length;
        const right = labels.filter((label, at) => {
          const own = logits.subarray(at * classes, (at + 1) * classes);
          return own.indexOf(Math.max(...own)) === label;
        }).length;
        assert.equal(right / labels.length, state.search.tests.get('final')?.measured.accuracy);
      });
    } finally {
      await ui.close();
    }
  });

  test('the server dies and comes back: the page has all events, none twice; a run that is killed is said to be so', async () => {
    const folder = join(place, 'ui-2');
    mkdirSync(folder, { recursive: true });
    const root = join(folder, 'killed');
    const running = startProcess('search', root, slow);
    let server = await serveApart(folder, ['--port', '0']);
    const { port } = server;
    try {
      // What a browser says of a server that is away.
      await withPage(
        browser,
        {},
        async (page) => {
          await until('the run begins', 30, () => {
            try {
              return readRun(root).state.search.candidates.has('vanilla');
            } catch {
              return false;
            }
          });
          const asked = new Set<Request>();
          page.on('request', (request) => void (request.url().includes('/events') || asked.add(request)));
          page.on('requestfinished', (request) => void asked.delete(request));
          page.on('requestfailed', (request) => void asked.delete(request));
          await page.goto(`http://127.0.0.1:${port}/run/killed`);
          await says(page, /^Training the vanilla network|^Step \d/);
          await page.locator('.state-running').waitFor();
          // What is asked just then ends with the server in ways of its own: the stream alone is open when it dies.
          await sleep(300);
          await until('all else is answered', 10, () => asked.size === 0);
          server.child.kill('SIGKILL');
          await server.ended;
          await says(page, 'The server does not answer', 10);
          server = await serveApart(folder, ['--port', String(port)]);
          await page.getByText('The server does not answer').waitFor({ state: 'detached', timeout: 20_000 });
          const then = readRun(root).state.events;
          await until('the run goes on', 30, () => readRun(root).state.events > then + 4);
          running.child.kill('SIGKILL');
          await running.ended;
          await says(page, 'no process works on it', 20);
          await page.getByRole('button', { name: 'Resume', exact: true }).waitFor();
          assert.equal(await logOf(page), expectedLog(root));
        },
        /ERR_CONNECTION_REFUSED|ERR_INCOMPLETE_CHUNKED_ENCODING|ERR_EMPTY_RESPONSE/,
      );
    } finally {
      running.child.kill('SIGKILL');
      server.child.kill('SIGKILL');
    }
  });

  test('the tabs: one at a time, each with an address; the arrow keys move between them', async () => {
    const ui = await serveHere(join(place, 'ui-1'));
    const base = `http://127.0.0.1:${ui.port}/run/watched`;
    try {
      await withPage(browser, { viewport: looks[0].viewport }, async (page) => {
        const selected = (): Promise<readonly string[]> => page.locator('[role=tab][aria-selected=true]').allInnerTexts();
        const panel = page.getByRole('tabpanel');
        const heads = async (): Promise<void> => {
          // How good, how large, how fast, how long: in sight at once, on every tab.
          assert.equal(await page.locator('.key dt').count(), 4);
          for (const tile of await page.locator('.key dd').all()) {
            const box = await tile.boundingBox();
            assert.ok(box !== null && box.y + box.height < 450, JSON.stringify(box));
          }
        };
        await page.goto(base);
        await says(page, 'The run is finished.');
        assert.deepEqual(await selected(), ['Overview']);
        assert.equal(await page.locator('pre.log, table.children, table.networks').count(), 0, 'what is not shown is not there');
        await heads();
        await page.getByRole('tab', { name: 'Overview' }).focus();
        for (const [key, title, tab, there] of [
          ['ArrowRight', 'Family', '?tab=family', 'table.children'],
          ['ArrowRight', 'Curves', '?tab=curves', '#run-figure-validation'],
          ['ArrowRight', 'Networks', '?tab=networks', 'table.networks'],
          ['ArrowRight', 'Data and mistakes', '?tab=data', 'table.confusion'],
          ['End', 'Settings', '?tab=settings', '#run-settings'],
          ['ArrowRight', 'Overview', '', '.result'],
          ['ArrowLeft', 'Settings', '?tab=settings', '#run-facts'],
          ['Home', 'Overview', '', '.result'],
        ] as const) {
          await page.keyboard.press(key);
          await panel.locator(there).first().waitFor();
          assert.deepEqual(await selected(), [title]);
          assert.equal(page.url(), `${base}${tab}`);
          assert.equal(await page.evaluate<string>('document.activeElement.textContent'), title);
          await heads();
        }
        // The browser's own buttons, a link from elsewhere, and a tab that there is not.
        await page.goBack();
        await panel.locator('#run-settings').waitFor();
        await page.goto(`${base}?tab=log`);
        await panel.locator('pre.log').first().waitFor();
        assert.deepEqual(await selected(), ['Log']);
        await page.goto(`${base}?tab=nothing`);
        await panel.locator('.result').waitFor();
        assert.deepEqual(await selected(), ['Overview']);
      });
    } finally {
      await ui.close();
    }
  });

  test('nothing serious on any tab for those who cannot see it, light and dark, wide and narrow', async () => {
    const ui = await serveHere(join(place, 'ui-1'));
    try {
      for (const look of looks)
        await withPage(browser, look, async (page) => {
          await page.goto(`http://127.0.0.1:${ui.port}/run/watched`);
          await says(page, 'The run is finished.');
          for (const name of await page.getByRole('tab').allInnerTexts()) {
            await openTab(page, name);
            await page.getByRole('tabpanel', { name, exact: true }).waitFor();
            assert.deepEqual(await seriousFindings(page), [], `${name}, ${look.colorScheme}`);
            const overflow = await page.evaluate<number>(
              'document.documentElement.scrollWidth - document.documentElement.clientWidth',
            );
            assert.ok(overflow <= 0, `${name}: ${overflow} pixels too wide at ${look.viewport.width}`);
          }
        });
    } finally {
      await ui.close();
    }
  });
});
