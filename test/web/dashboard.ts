/** A dashboard for tests: served by the real program or in this process, and looked at in a real browser. */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { setTimeout as sleep } from 'node:timers/promises';
import { startUi, type Ui } from '../../src/web/server.ts';

const main = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));
/** The command that runs `instar`. */
export const program = [process.execPath, main] as const;

/** In this process. */
export const serveHere = (folder: string, data: string | null = null): Promise<Ui> =>
  startUi({ folder, port: 0, host: '127.0.0.1', data, program });

export interface Served {
  readonly child: ChildProcess;
  readonly address: string;
  readonly port: number;
  readonly ended: Promise<number | null>;
}

/** `instar ui` in a process of its own, once it listens. */
export async function serveApart(folder: string, options: readonly string[] = []): Promise<Served> {
  const child = spawn(process.execPath, [main, 'ui', folder, '--no-open', ...options], { stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = new Promise<number | null>((resolve) => child.on('close', (code) => resolve(code)));
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  const address = await new Promise<string>((resolve, reject) => {
    child.stdout.setEncoding('utf8').once('data', (text: string) => resolve(text.trim()));
    void ended.then((code) => reject(new Error(`instar ui ended with ${code}: ${said}`)));
  });
  return { child, address, port: Number(new URL(address).port), ended };
}

/** Opens a page and fails where it complains of anything that `allowed` does not match. */
export async function withPage(
  browser: Browser,
  options: BrowserContextOptions,
  use: (page: Page) => Promise<void>,
  allowed: RegExp = /^$/,
): Promise<void> {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const wrong: string[] = [];
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type()) && !allowed.test(message.text()))
      wrong.push(`${message.type()}: ${message.text()}`);
  });
  page.on('pageerror', (error) => void wrong.push(error.message));
  try {
    await use(page);
  } finally {
    await context.close();
  }
  assert.deepEqual(wrong, []);
}

/** Opens the address that `instar ui` prints, and waits until the page has taken the token out of it. */
export async function enter(page: Page, address: string): Promise<void> {
  await page.goto(address);
  await page.waitForURL((url) => url.hash === '');
}

/**
 * Waits until an expression is true on the page, asked from here time and again: Playwright's own waiting would evaluate it
 * in the page, which the page's policy forbids.
 */
export async function untilTrue(page: Page, expression: string): Promise<void> {
  const end = performance.now() + 120_000;
  while ((await page.evaluate(expression)) !== true) {
    assert.ok(performance.now() < end, `${expression} within 120 s`);
    await sleep(20);
  }
}

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** What axe-core finds serious or critical on the page as it is. */
export async function seriousFindings(page: Page): Promise<readonly string[]> {
  await page.evaluate(axe);
  return page.evaluate(async () => {
    interface Finding {
      readonly id: string;
      readonly impact: string | null;
      readonly nodes: readonly { readonly html: string; readonly failureSummary?: string }[];
    }
    const { axe: checker } = globalThis as unknown as { axe: { run(): Promise<{ violations: readonly Finding[] }> } };
    const { violations } = await checker.run();
    return violations
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .map(({ id, nodes }) => `${id}: ${nodes[0]?.html.slice(0, 200) ?? ''} ${nodes[0]?.failureSummary ?? ''}`);
  });
}
