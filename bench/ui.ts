/**
 * The dashboard under load: 200 runs in its folder and one of 50 steps × 8 children, and 20 viewers of a live run.
 *
 *   npm run bench:ui -- [--seconds 60]
 *
 * The journals are those of simulated searches with random accuracies. Writes results/ui.md. Processor time is that of the server and
 * does not depend on the load of the machine; the other times do.
 */
import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { folderOf } from '../src/run/record/folder.ts';
import { lockRun } from '../src/run/record/lock.ts';
import { grownRun, type GrownOptions } from '../test/report/grown.ts';
import { openChromium } from '../test/support/chromium.ts';
import { serveApart } from '../test/web/dashboard.ts';

const { values } = parseArgs({ options: { seconds: { type: 'string', default: '60' } } });
const seconds = Number(values.seconds);
const [runs, viewers] = [200, 20];

const place = mkdtempSync(join(tmpdir(), 'instar-bench-ui-'));
const folder = join(place, 'runs');
const wait = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));

function write(name: string, options: GrownOptions, events = Infinity): readonly string[] {
  const { config, entries } = grownRun(options);
  const paths = folderOf(join(folder, name));
  mkdirSync(paths.checkpoints, { recursive: true });
  const lines = entries.map((entry) => `${JSON.stringify(entry)}\n`);
  writeFileSync(paths.journal, lines.slice(0, events).join(''));
  writeFileSync(paths.config, JSON.stringify(config));
  return lines;
}

const begun = loadavg()[0] as number;
for (let at = 0; at < runs; at++) write(`run-${at}`, { steps: 2, children: 4, epochs: 16, seed: at });
const big = write('big', { steps: 50, children: 8, epochs: 160, mutations: 2 });
const live = write('live', { steps: 8, children: 8, epochs: 160 }, 300);
const bytes = (lines: readonly string[]): string => `${(lines.join('').length / 1e6).toFixed(1)} MB`;

const server = await serveApart(folder, ['--port', '0']);
const pid = server.child.pid as number;
const base = new URL(server.address).origin;
/** The server's processor time in seconds. */
const processor = (): number => {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / 100;
};
const memory = (): number => Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;

const rows: string[] = [];
const tell = (what: string, found: string, wanted: string): void => {
  rows.push(`| ${what} | ${found} | ${wanted} |`);
  console.log(`${what}: ${found}${wanted === '' ? '' : ` (wanted: ${wanted})`}`);
};
async function timed(what: string, wanted: string, act: () => Promise<unknown>): Promise<void> {
  const [at, spent] = [performance.now(), processor()];
  await act();
  const passed = ((performance.now() - at) / 1000).toFixed(2);
  tell(what, `${passed} s, of which ${(processor() - spent).toFixed(2)} s the server's processor time`, wanted);
}

try {
  await timed(`the list of ${runs + 2} runs, asked for at once`, '', async () => (await fetch(`${base}/api/list`)).text());
  await timed('the list again', '', async () => (await fetch(`${base}/api/list`)).text());
  const browser = await openChromium();
  try {
    const page = await browser.newPage();
    // Warm up the browser first, so that its own start is not measured.
    await page.goto(`data:text/html,<p>`);
    await timed('first view in a browser, the list read', 'under 1 s', async () => {
      await page.goto(`${base}/`);
      await page.getByText('run-199').first().waitFor({ state: 'attached' });
    });
    await timed(`the view of the run of ${big.length} events (${bytes(big)})`, 'under 1 s', async () => {
      await page.goto(`${base}/run/big`);
      await page.getByText('The run is finished.').first().waitFor();
    });
  } finally {
    await browser.close();
  }

  const { root, lock, journal, live: told } = folderOf(join(folder, 'live'));
  const release = lockRun(lock);
  let heard = 0;
  const requests = Array.from({ length: viewers }, () =>
    get(`${base}/api/run/events?run=live`, { agent: false }, (response) => response.on('data', () => heard++)),
  );
  await wait(3000);
  const [spent, from] = [processor(), performance.now()];
  for (let turn = 0; turn < seconds; turn++) {
    // Each second, one event, and progress of two workers.
    appendFileSync(journal, live[300 + turn] ?? '');
    const progress = ['a', 'b'].map((candidate) => ({
      type: 'progress',
      task: `${candidate}/0`,
      line: candidate,
      done: turn,
      count: 90,
      loss: 1,
      peak: 1e9,
    }));
    writeFileSync(told, JSON.stringify({ t: 3 * (300 + turn), progress }));
    await wait(1000);
  }
  const share = (100 * (processor() - spent)) / ((performance.now() - from) / 1000);
  for (const request of requests) request.destroy();
  release();
  tell(
    `${viewers} viewers of a live run for ${seconds} s`,
    `${share.toFixed(1)} % of a core (${heard} messages, ${root.split('/').at(-1)})`,
    '3 % or less',
  );
  tell('the most memory of the server', `${memory().toFixed(0)} MB`, 'under 200 MB');
} finally {
  server.child.kill('SIGTERM');
  await server.ended;
  rmSync(place, { recursive: true, force: true });
}
writeFileSync(
  'results/ui.md',
  `# The dashboard under load

\`npm run bench:ui\`: ${runs} small runs, one of 50 steps × 8 children, one live. The machine's load was ${begun.toFixed(1)} before
and ${(loadavg()[0] as number).toFixed(1)} after (2 cores).

| what | measured | wanted |
| --- | --- | --- |
${rows.join('\n')}
`,
);
