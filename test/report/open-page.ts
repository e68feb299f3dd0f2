/** A page opened from its file: it may ask for nothing, and complain of nothing. */
import assert from 'node:assert/strict';
import { pathToFileURL } from 'node:url';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';

export async function openPage(
  browser: Browser,
  path: string,
  options: BrowserContextOptions,
  use: (page: Page) => Promise<void>,
): Promise<void> {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const wrong: string[] = [];
  const address = pathToFileURL(path).href;
  page.on('console', (message) => void wrong.push(`${message.type()}: ${message.text()}`));
  page.on('pageerror', (error) => void wrong.push(error.message));
  page.on('dialog', (dialog) => {
    wrong.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on('request', (request) => {
    const url = request.url();
    if (!url.startsWith('data:') && url.split('#')[0] !== address) wrong.push(`asks for ${url}`);
  });
  await page.goto(address);
  await use(page);
  assert.deepEqual(wrong, []);
  await context.close();
}
