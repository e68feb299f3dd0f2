/** Runs from elsewhere in the served folder, whose files are links or pipes: nothing is read or written through them, nothing waits. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { serveHere } from './dashboard.ts';
import { listingOf, newFolder, writeRun } from './folders.ts';

const secret = 'of somebody else';

test('the dashboard neither reads nor writes through links of a run', async (t) => {
  const [folder, outside] = [newFolder(), newFolder()];
  const names = ['log.txt', 'lock', 'journal.jsonl', 'config.json', 'best.onnx', 'checkpoints', 'live.json'];
  for (const name of names) {
    const [root, target] = [join(folder, `run-${name}`), join(outside, name)];
    writeRun(root);
    const path = join(root, name);
    if (name === 'checkpoints') {
      rmSync(path, { recursive: true });
      mkdirSync(target);
      writeFileSync(join(target, `${'0'.repeat(64)}.safetensors`), secret);
    } else if (existsSync(path)) renameSync(path, target);
    else writeFileSync(target, `${secret}\n`);
    symlinkSync(target, path);
  }
  const before = listingOf(outside);
  const ui = await serveHere(folder);
  t.after(() => ui.close());
  const origin = `http://127.0.0.1:${ui.port}`;
  const headers = { Origin: origin, 'Instar-Token': ui.token };
  const ask = async (path: string, body?: unknown): Promise<{ status: number; text: string }> => {
    const more = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) };
    const response = await fetch(`${origin}/api/${path}`, { headers, ...more });
    return { status: response.status, text: await response.text() };
  };
  const listed = JSON.parse((await ask('list')).text) as { runs: { id: string; state: string; problem: string | null }[] };
  for (const { id, state, problem } of listed.runs) {
    const isRead = id === 'run-journal.jsonl' || id === 'run-config.json';
    assert.equal(state, isRead ? 'damaged' : 'finished', id);
    if (isRead)
      assert.ok(problem?.includes(join(folder, id, id.slice(4))) === true && problem.includes('link'), `${id}: ${problem}`);
  }
  assert.equal(listed.runs.length, names.length);
  for (const each of names) {
    const name = `run-${each}`;
    for (const path of ['run', 'run/log', 'run/model', 'run/images'])
      for (const more of ['', '&candidate=final', '&candidate=vanilla&part=test']) {
        const { text } = await ask(`${path}?run=${name}${more}`);
        assert.ok(!text.includes(secret), `${path}?run=${name}${more}`);
      }
    if (each !== 'log.txt') assert.ok((await ask(`run/resume?run=${name}`, {})).status >= 400, name);
    else {
      const { status, text } = await ask(`run/resume?run=${name}`, {});
      assert.equal(status, 422);
      assert.match(text, /log\.txt: is a link/);
    }
    assert.equal(listingOf(outside), before, `resume ${name}`);
    await ask(`run/stop?run=${name}`, {});
    await ask(`run/rename?run=${name}`, { name: `${name} too` });
    await ask('list');
    for (const id of [name, `${name} too`]) await ask(`run/delete?run=${encodeURIComponent(id)}`, { name: id, sure: true });
    assert.equal(listingOf(outside), before, `delete ${name}`);
  }
  assert.ok(existsSync(join(folder, 'run-lock')), 'a run that cannot be locked is not deleted');
  assert.ok(!existsSync(join(folder, 'run-live.json')) && !existsSync(join(folder, 'run-live.json too')));
});

test('pipes in the served folder hang neither the list nor a request', async (t) => {
  const folder = newFolder();
  const names = ['log.txt', 'lock', 'journal.jsonl', 'config.json', 'best.onnx', 'live.json', 'study.yaml'];
  for (const name of names) {
    const root = join(folder, `run-${name}`);
    writeRun(root);
    rmSync(join(root, name), { force: true });
    execFileSync('mkfifo', [join(root, name)]);
  }
  const ui = await serveHere(folder);
  t.after(() => ui.close());
  const get = (path: string): Promise<Response> =>
    fetch(`http://127.0.0.1:${ui.port}/api/${path}`, { signal: AbortSignal.timeout(20_000) });
  assert.equal((await get('list')).status, 200);
  for (const name of names)
    for (const path of [
      `run?run=run-${name}`,
      `run/log?run=run-${name}`,
      `run/model?run=run-${name}&candidate=final`,
      `study?study=run-${name}`,
    ])
      await (await get(path)).text();
});
