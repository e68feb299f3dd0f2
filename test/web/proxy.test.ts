/**
 * The dashboard behind a reverse proxy, below a path of the proxy's host: every page, the stream, the network that runs in the
 * browser, a search, a file. Of one proxy with TLS that takes the path off and passes its own name on, and of one that does neither.
 */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, renameSync } from 'node:fs';
import { createServer, request, type RequestListener } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test, type TestContext } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { folderOf } from '../../src/run/record/folder.ts';
import { startUi } from '../../src/web/server.ts';
import { must } from '../../src/util/assert.ts';
import { makeSecure } from '../execution/brokers.ts';
import { openChromium, withoutChromium } from '../support/chromium.ts';
import { finishedRun, place } from '../support/runs.ts';
import { program, withPage } from './dashboard.ts';

const base = '/tools/instar/';
/** A name that the browser alone knows. */
const name = 'tools.example.org';

interface ProxyForm {
  readonly secure: boolean;
  /** Takes the path off. */
  readonly strips: boolean;
  /** Passes on the name by which it was asked; otherwise it writes the dashboard's. */
  readonly passesName: boolean;
}

/** Like nginx with its own settings, it holds an answer until that has ended, unless the answer says no. */
async function openProxy(t: TestContext, to: number, { secure, strips, passesName }: ProxyForm): Promise<string> {
  const listener: RequestListener = (asked, answer) => {
    const url = asked.url ?? '';
    if (!url.startsWith(strips ? base : base.slice(0, -1))) return void answer.writeHead(404).end('another application');
    const path = strips ? url.slice(base.length - 1) : url;
    const headers = { ...asked.headers, ...(passesName ? {} : { host: `127.0.0.1:${to}` }) };
    const passed = request({ port: to, host: '127.0.0.1', path, method: asked.method, headers }, (response) => {
      const isHeld = response.headers['x-accel-buffering'] !== 'no';
      const parts: Buffer[] = [];
      if (!isHeld) answer.writeHead(response.statusCode ?? 502, response.headers);
      response.on('data', (part: Buffer) => (isHeld ? parts.push(part) : answer.write(part)));
      response.on('end', () => {
        if (isHeld) answer.writeHead(response.statusCode ?? 502, response.headers);
        answer.end(Buffer.concat(parts));
      });
      response.on('error', () => answer.destroy());
    });
    passed.on('error', () => answer.destroy());
    answer.on('close', () => passed.destroy());
    asked.pipe(passed);
  };
  const files = secure ? makeSecure(join(place, 'tls'), '') : null;
  const server =
    files === null
      ? createServer(listener)
      : createSecureServer({ key: readFileSync(files.key), cert: readFileSync(files.certificate) }, listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return `${secure ? 'https' : 'http'}://${name}:${(server.address() as AddressInfo).port}`;
}

/** What a browser says of refusals, and of headers that need TLS. */
const answers = /status of 4(01|04|21)|Cross-Origin-Opener-Policy header has been ignored/;

/** Saves what a link leads to. */
async function saved(page: Page, link: string): Promise<{ readonly name: string; readonly bytes: Buffer }> {
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: link }).click()]);
  return { name: download.suggestedFilename(), bytes: readFileSync(await download.path()) };
}

describe('behind a proxy, below a path', { skip: withoutChromium() }, () => {
  let browser: Browser;
  const folder = join(place, 'proxied');
  before(async () => {
    mkdirSync(folder);
    renameSync(await finishedRun(), join(folder, 'grown'));
    browser = await openChromium([`--host-resolver-rules=MAP *.example.org 127.0.0.1`]);
  });
  after(() => browser?.close());

  for (const [what, form] of [
    ['with TLS, which takes the path off and passes its name on', { secure: true, strips: true, passesName: true }],
    ['which passes the path on and writes the name of the dashboard', { secure: false, strips: false, passesName: false }],
  ] as const)
    test(`a proxy ${what}`, { timeout: 240_000 }, async (t) => {
      const options = { port: 0, host: '127.0.0.1', data: place, program, base, allowedHosts: [name] };
      const ui = await startUi({ folder, ...options });
      t.after(() => ui.close());
      const origin = await openProxy(t, ui.port, form);
      const home = `${origin}${base}`;
      const search = `watched ${form.strips ? 'one' : 'two'}`;
      const settings = { ignoreHTTPSErrors: true };

      await withPage(
        browser,
        settings,
        async (page) => {
          await page.goto(home);
          await page.getByText('A token is required: open the address that instar ui printed.').waitFor();
          assert.ok(!(await page.content()).includes('grown'));
          await page.goto(`${home}run/grown`);
          await page.getByText('A token is required').waitFor();
        },
        answers,
      );

      await withPage(
        browser,
        settings,
        async (page) => {
          const elsewhere: string[] = [];
          page.context().on('request', (asked) => {
            if (!asked.url().startsWith(home) && !/^(blob|data):/.test(asked.url())) elsewhere.push(asked.url());
          });
          await page.goto(`${home}${new URL(ui.address).hash}`);
          await page.getByRole('button', { name: 'Delete grown' }).waitFor();
          assert.equal(page.url(), home, 'the token is not left in the address');

          await page.getByLabel('Find').fill('gr');
          await page.waitForURL(`${home}?text=gr`);
          await page.getByRole('link', { name: 'grown', exact: true }).click();
          await page.getByText('The run is finished.').first().waitFor();
          await page.goBack();
          await page.getByLabel('Find').waitFor();
          assert.equal(page.url(), `${home}?text=gr`);
          await page.goForward();

          await page.getByRole('link', { name: 'Open the network' }).click();
          await page.waitForURL(`${home}run/grown?network=final`);
          await page.reload();
          await page.getByRole('button', { name: 'Evaluate the test images' }).click();
          await page.getByText('That is equal to the journal’s accuracy.').waitFor({ timeout: 60_000 });
          const network = await saved(page, 'Download as ONNX');
          assert.equal(network.name, 'grown-final.onnx');

          const [tab] = await Promise.all([
            page.context().waitForEvent('page'),
            page.getByRole('link', { name: 'New search' }).click({ modifiers: ['Control'] }),
          ]);
          await tab.waitForURL(`${home}begin`);
          await tab.getByLabel('Data', { exact: true }).selectOption('quadrants');
          await tab.getByLabel('Preset').selectOption('quick');
          await tab.getByLabel('Name').fill(search);
          await tab.getByLabel('Steps').fill('200');
          await tab.getByRole('button', { name: 'Start the search' }).click();
          await tab.waitForURL(`${home}run/${encodeURIComponent(search)}`);
          await tab
            .getByText(/^Step 2/)
            .first()
            .waitFor({ timeout: 60_000 });
          await tab.getByRole('button', { name: 'Stop, keep the best' }).click();
          await tab.getByText('The run was interrupted').first().waitFor({ timeout: 30_000 });
          const best = await saved(tab, 'Best network as ONNX');
          assert.deepEqual(best.bytes, readFileSync(folderOf(join(folder, search)).bestModel));
          assert.deepEqual(elsewhere, []);

          const bare = must(await page.goto(home.slice(0, -1)), 'an answer');
          if (form.strips) assert.equal(bare.status(), 404, 'no path of the proxy');
          else assert.equal(page.url(), home);
          const other = origin.replace(name, 'other.example.org');
          if (form.passesName) assert.equal((await page.goto(`${other}${base}`))?.status(), 421);
        },
        answers,
      );
    });
});
