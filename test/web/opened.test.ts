/** How a browser comes to the dashboard: by a file that no other user can read; and what it is sent: packed once, when it was built. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { dirname } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Page } from 'playwright-core';
import { gunzipSync } from 'node:zlib';
import { leadingTo } from '../../src/cli/ui.ts';
import { startUi } from '../../src/web/server.ts';
import { openChromium, withoutChromium } from '../support/chromium.ts';
import { skipFor } from '../support/machine.ts';
import { serveHere, withPage } from './dashboard.ts';
import { newFolder } from './folders.ts';
import { ask } from './raw.ts';

const outside = Object.values(networkInterfaces())
  .flat()
  .find((each) => each?.family === 'IPv4' && !each.internal)?.address;

for (const [name, host] of [
  ['on this machine alone', '127.0.0.1'],
  ['on another address', outside],
] as const)
  test(
    `the file leads a browser to the page, which may change things: ${name}`,
    { skip: withoutChromium() || skipFor(host === undefined ? 'there is no other address' : null) },
    async () => {
      const ui = await startUi({ folder: newFolder(), port: 0, host: host ?? '', data: null, program: [] });
      const browser = await openChromium();
      const { path, remove } = leadingTo(ui.address);
      try {
        assert.equal(statSync(path).mode & 0o777, 0o600);
        assert.equal(statSync(dirname(path)).mode & 0o777, 0o700);
        await withPage(
          browser,
          {},
          async (page) => {
            await page.goto(pathToFileURL(path).href);
            await page.waitForURL(`http://${host}:${ui.port}/`);
            const mayChange = async (opened: Page): Promise<void> => {
              await opened.getByRole('heading', { name: 'No runs yet' }).waitFor();
              assert.equal(await opened.getByText('opened without the token').count(), 0);
            };
            await mayChange(page);
            // A link that is opened in a new tab has it too, after the page is loaded again and with an old token as well.
            const [tab] = await Promise.all([
              page.context().waitForEvent('page'),
              page.getByRole('link', { name: 'Runs', exact: true }).click({ modifiers: ['Control'] }),
            ]);
            await mayChange(tab);
            await tab.goto(`http://${host}:${ui.port}/begin#token=old`);
            await tab.waitForURL(`http://${host}:${ui.port}/begin`);
            await tab.goto(`http://${host}:${ui.port}/`);
            await mayChange(tab);
            // Another server has no token of this one: the new one is pasted into the open page.
            await tab.evaluate('localStorage.clear()');
            await tab.reload();
            await tab.getByText(host === '127.0.0.1' ? 'opened without the token' : 'A token is required').waitFor();
            await tab.evaluate(`location.hash = ${JSON.stringify(new URL(ui.address).hash)}`);
            await mayChange(tab);
            await tab.close();
          },
          // A token that is wrong or missing is an answer.
          /Cross-Origin-Opener-Policy header has been ignored|status of 40[13]/,
        );
      } finally {
        remove();
        await browser.close();
        await ui.close();
      }
      assert.ok(!existsSync(dirname(path)));
    },
  );

test('files are sent packed to whoever takes that, and are the same', async (t) => {
  const ui = await serveHere(newFolder());
  t.after(() => ui.close());
  const built = fileURLToPath(new URL('../../web/', import.meta.url));
  const names = (readdirSync(built, { recursive: true, encoding: 'utf8' }) as string[]).filter((name) => /\.\w+$/.test(name));
  const files = names.filter((name) => !name.endsWith('.gz') && statSync(`${built}${name}`).isFile());
  assert.ok(files.some((name) => name.endsWith('.wasm')) && files.includes('index.html'));
  const host = `Host: 127.0.0.1:${ui.port}`;
  for (const name of files) {
    const whole = readFileSync(`${built}${name}`);
    assert.deepEqual(gunzipSync(readFileSync(`${built}${name}.gz`)), whole, name);
    for (const [accepted, isPacked] of [
      ['gzip, deflate, br', true],
      ['br;q=1.0, gzip;q=0.8', true],
      ['*', true],
      ['gzip;q=0', false],
      ['identity', false],
    ] as const) {
      const { status, headers, text } = await ask({
        port: ui.port,
        target: `/${name}`,
        headers: [host, `Accept-Encoding: ${accepted}`],
      });
      assert.equal(status, 200);
      assert.equal(headers.get('content-encoding') ?? null, isPacked ? 'gzip' : null, `${name}: ${accepted}`);
      assert.match(headers.get('vary') ?? '', /Accept-Encoding/i);
      if (isPacked) assert.equal(Number(headers.get('content-length') ?? text.length), statSync(`${built}${name}.gz`).size);
    }
    const answer = await fetch(`http://127.0.0.1:${ui.port}/${name}`);
    assert.deepEqual(Buffer.from(await answer.arrayBuffer()), whole);
    const direct = await ask({ port: ui.port, target: `/${name}.gz`, headers: [host] });
    assert.ok(direct.status === 404 || direct.headers.get('content-type')?.startsWith('text/html'), 'no file of its own');
  }
});
