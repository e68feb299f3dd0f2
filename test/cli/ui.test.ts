/** `instar ui` on the command line: what is wrong in one line, an address alone on stdout, Ctrl-C ends it. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { instar, newFolder, start, until } from './fixtures.ts';

test('what is wrong is one line', async () => {
  const cwd = newFolder();
  writeFileSync(join(cwd, 'file'), '');
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
  const { port } = taken.address() as AddressInfo;
  for (const [args, said] of [
    ['--port 70000', /--port 70000: 0 to 65535/],
    ['--port x', /--port/],
    ['--port 1.5', /--port 1.5: 0 to 65535/],
    ['--port -1', /--port/],
    [`--port ${port}`, /is in use: --port takes another one/],
    ['--port 0 --host 192.0.2.77', /192\.0\.2\.77:0 cannot be listened on/],
    ['--port 0 --host no.such.host.invalid', /cannot be listened on/],
    ['--port 0 --data nowhere', /--data nowhere: does not exist/],
    ['--port 0 --data file', /--data file: not a folder/],
    ['file --port 0', /file is not a folder/],
  ] as const) {
    const { code, out, err } = await instar(['ui', '--no-open', ...args.split(' ')], cwd);
    assert.equal(code, 2, `${args}: ${err}`);
    assert.equal(out, '');
    assert.match(err, said);
    assert.equal(err.trim().split('\n').length, 1, err);
  }
  taken.close();
});

test('its address can be opened, and a signal ends it with 0', async () => {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    const cwd = newFolder();
    const program = start(['ui', 'runs', '--port', '0', '--no-open'], cwd);
    await until(() => program.out().endsWith('\n'));
    assert.match(program.out(), /^http:\/\/127\.0\.0\.1:\d+\/\?token=[\w-]{32}\n$/);
    const answer = await fetch(program.out().trim(), { redirect: 'manual' });
    assert.equal(answer.status, 303);
    const stream = await fetch(new URL('/api/list', program.out().trim()));
    assert.equal(stream.status, 200);
    program.process.kill(signal);
    const { code, err } = await program.ended;
    assert.equal(code, 0);
    assert.match(err, /^The dashboard of runs\. Whoever has this address may change things\. Ctrl-C ends it; runs go on\.\n$/);
  }
});
