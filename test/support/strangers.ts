/**
 * What somebody does who has never seen Instar, step by step, in a real terminal (tmux) and a real browser (headless Chromium). Each step
 * is timed. Tests walk the short form, on small images; `npm run bench:strangers` the whole one.
 */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { untilTrue, enter, serveApart, withPage } from '../web/dashboard.ts';
import { openChromium } from './chromium.ts';
import { skipFor } from './machine.ts';

export interface Step {
  readonly what: string;
  readonly seconds: number;
}

/** Runs steps one after the other, and keeps how long each took. */
export function stepping(): { readonly steps: Step[]; step<Value>(what: string, act: () => Promise<Value>): Promise<Value> } {
  const steps: Step[] = [];
  return {
    steps,
    async step(what, act) {
      const begun = performance.now();
      const value = await act();
      steps.push({ what, seconds: (performance.now() - begun) / 1000 });
      return value;
    },
  };
}

/** For tests that open a terminal. */
export const withoutTmux = (): string | false => skipFor(spawnSync('tmux', ['-V']).status === 0 ? null : 'tmux is not here');

const quoted = (word: string): string => `'${word.replaceAll("'", "'\\''")}'`;

/** Types a command into a terminal of its own of that many columns, and returns what stands there when it has ended with 0. */
export async function inTerminal(
  words: readonly string[],
  { cwd, columns = 80, environment = {} }: { cwd: string; columns?: number; environment?: Readonly<Record<string, string>> },
): Promise<string> {
  const socket = join(cwd, '.terminal');
  const ended = join(cwd, `.ended-${process.hrtime.bigint()}`);
  const tmux = (...parameters: string[]) => spawnSync('tmux', ['-S', socket, ...parameters], { cwd, encoding: 'utf8' });
  const variables = Object.entries(environment).map(([name, value]) => quoted(`${name}=${value}`));
  const command = ['env', ...variables, ...words.map(quoted)].join(' ');
  const line = `${command}; echo $? > ${quoted(ended)}; sleep 60`;
  const { status, stderr } = tmux('new-session', '-d', '-x', String(columns), '-y', '50', line);
  assert.equal(status, 0, stderr);
  try {
    while (!existsSync(ended) || readFileSync(ended, 'utf8') === '') {
      assert.equal(tmux('has-session').status, 0, `${words.join(' ')}: the terminal is gone`);
      await sleep(100);
    }
    const screen = tmux('capture-pane', '-p', '-S', '-').stdout;
    assert.equal(readFileSync(ended, 'utf8').trim(), '0', screen);
    return screen;
  } finally {
    tmux('kill-server');
  }
}

/** The only run in a folder of runs. */
export function onlyRun(place: string): string {
  const [name, ...more] = readdirSync(join(place, 'runs')).filter((each) => !each.startsWith('.'));
  assert.ok(name !== undefined && more.length === 0);
  return join(place, 'runs', name);
}

/** A photo in the browser: opens the dashboard, the run's final network, drops the photo, and waits for the answer. */
export async function tryInBrowser(runs: string, run: string, photo: string): Promise<string> {
  const served = await serveApart(runs);
  const browser = await openChromium();
  try {
    let answer = '';
    await withPage(browser, {}, async (page) => {
      await enter(page, served.address);
      await page.goto(`${new URL(served.address).origin}/run/${run}?network=final`);
      await untilTrue(page, "document.querySelector('.net-drop input') !== null");
      await page.locator('.net-drop input').setInputFiles(photo);
      await untilTrue(page, "document.querySelector('.net-bars .name') !== null");
      answer = (await page.locator('.net-bars .name').first().textContent()) ?? '';
    });
    return answer;
  } finally {
    await browser.close();
    served.child.kill('SIGTERM');
    await served.ended;
  }
}

/** The Express example of a package that is installed in `project`: what it answers to a photo. */
export async function askServer(project: string, script: string, model: string, photo: string): Promise<unknown> {
  mkdirSync(project, { recursive: true });
  writeFileSync(join(project, 'server.mjs'), readFileSync(script));
  const child = spawn(process.execPath, ['server.mjs', model], {
    cwd: project,
    env: { ...process.env, PORT: '0' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    const address = await new Promise<string>((resolve, reject) => {
      child.stdout.setEncoding('utf8').once('data', (text: string) => resolve(text.trim()));
      child.once('close', (code) => reject(new Error(`the server ended with ${code}`)));
    });
    const response = await fetch(address, { method: 'POST', body: readFileSync(photo) });
    assert.equal(response.status, 200);
    return await response.json();
  } finally {
    child.kill('SIGTERM');
  }
}
