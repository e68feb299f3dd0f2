/** What workers cost a search that die or hang: a retry, then the child; and what it cannot do without. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { resume, search, type SearchOptions } from '../../src/run/driving/open.ts';
import { readRun } from '../../src/run/record/read.ts';
import type { RunItem } from '../../src/run/driving/drive.ts';
import { RunError } from '../../src/util/user-error.ts';
import { collect, finishedRun, newFolder, tiny, until, winnerOf, workersOf } from '../support/runs.ts';

/** Of this process alone: others may run the same tests. */
const mark = `workers.test ${process.pid}`;
process.env['INSTAR_TEST_MARK'] = mark;

/** With one worker at a time, the one that is there has the task. */
const alone: SearchOptions = { ...tiny, workers: 1 };

/** Sends the worker of that task a signal, the first `times` times that it is given out. */
async function searchWith(
  run: string,
  task: string,
  signal: NodeJS.Signals,
  times: number,
  options: Partial<SearchOptions> = {},
): Promise<RunItem[]> {
  const items: RunItem[] = [];
  let sent = 0;
  for await (const item of search({ ...alone, ...options, run })) {
    items.push(item);
    if (item.type !== 'task' || item.task !== task || sent === times) continue;
    sent++;
    // Its worker is there already, or is started once this event was taken.
    const signalled = until('a worker is there', 20, () => workersOf(mark).length > 0);
    void signalled.then(() => workersOf(mark).forEach((pid) => process.kill(pid, signal)));
  }
  return items;
}

const failuresOf = (items: readonly RunItem[]): string[] =>
  items.flatMap((item) => (item.type === 'failed' ? [`${item.task} ${item.failure} ${item.retried ? 'again' : 'lost'}`] : []));

await test('killed from outside once, or four times: tried again with growing pauses, the same winner', async () => {
  const undisturbed = winnerOf(await finishedRun(alone));
  for (const times of [1, 4]) {
    const run = newFolder();
    const begun = performance.now();
    assert.deepEqual(
      failuresOf(await searchWith(run, 's1c1/0', 'SIGKILL', times)),
      Array.from({ length: times }, () => 's1c1/0 killed again'),
    );
    assert.equal(winnerOf(run), undisturbed);
    if (times === 4) assert.ok(performance.now() - begun > 1000 * (1 + 2 + 4));
  }
});

await test('crashed by itself once: tried again, the same winner; twice at the same place: the child is lost, the search goes on', async () => {
  const undisturbed = winnerOf(await finishedRun(alone));
  const once = newFolder();
  assert.deepEqual(failuresOf(await searchWith(once, 's1c1/0', 'SIGSEGV', 1)), ['s1c1/0 crashed again']);
  assert.equal(winnerOf(once), undisturbed);
  const twice = newFolder();
  assert.deepEqual(failuresOf(await searchWith(twice, 's1c1/0', 'SIGSEGV', 2)), ['s1c1/0 crashed again', 's1c1/0 crashed lost']);
  const { state } = readRun(twice);
  assert.match(JSON.stringify(state.search.candidates.get('s1c1')?.end), /lost.*SIGSEGV/);
  assert.ok(state.search.finished);
});

await test('stopped: hung after the patience, and tried again', async () => {
  const run = newFolder();
  const items = await searchWith(run, 's1c2/0', 'SIGSTOP', 1, { patience: 12 });
  assert.deepEqual(failuresOf(items), ['s1c2/0 hung again']);
  assert.ok(readRun(run).state.search.finished);
});

await test('the vanilla network crashed twice: the run says so and can be resumed', async () => {
  const run = newFolder();
  await assert.rejects(
    searchWith(run, 'vanilla', 'SIGSEGV', 2),
    (error: Error) => error instanceof RunError && error.message.startsWith('vanilla could not be trained (crashed): '),
  );
  assert.equal((await collect(resume(run))).at(-1)?.type, 'finished');
});
