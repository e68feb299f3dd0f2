/** `instar ui` on the command line: what is wrong in one line, an address alone on stdout, Ctrl-C ends it. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { delimiter, dirname, join } from 'node:path';
import { test } from 'node:test';
import { uiCommand } from '../../src/cli/ui.ts';
import { instar, newFolder, pretend, start, until } from './fixtures.ts';

test('what is wrong is one line', async () => {
  const cwd = newFolder();
  writeFileSync(join(cwd, 'file'), '');
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
  const { port } = taken.address() as AddressInfo;
  for (const [args, said] of [
    ['--port 70000', /--port 70000: must be at most 65535/],
    ['--port x', /--port/],
    ['--port 1.5', /--port 1.5: must be a whole number/],
    ['--port -1', /--port/],
    [`--port ${port}`, /is in use: choose another one with --port/],
    ['--port 0 --host 192.0.2.77', /192\.0\.2\.77:0 cannot be listened on/],
    ['--port 0 --host no.such.host.invalid', /cannot be listened on/],
    ['--port 0 --base tools', /--base tools: must be a path such as \/tools\/instar\//],
    ['--port 0 --base /a//b/', /--base/],
    ['--port 0 --base /../', /--base/],
    ['--port 0 --base /a/..', /--base/],
    ['--port 0 --base /a"b/', /--base/],
    ['--port 0 --allow-host https://x.org', /--allow-host https:\/\/x\.org: must be host names without ports/],
    ['--port 0 --allow-host x.org:80', /--allow-host/],
    ['--port 0 --allow-host x.org,', /--allow-host/],
    ['--port 0 --allow-host *.x.org', /--allow-host/],
    ['--port 0 --data nowhere', /--data nowhere: does not exist/],
    ['--port 0 --data file', /--data file: not a folder/],
    ['file --port 0', /file is not a folder/],
    ['no-such-folder --port 0', /^instar: no-such-folder: does not exist\n$/],
  ] as const) {
    const { code, out, err } = await instar(['ui', '--no-open', ...args.split(' ')], cwd);
    assert.equal(code, 2, `${args}: ${err}`);
    assert.equal(out, '');
    assert.match(err, said);
    assert.equal(err.trim().split('\n').length, 1, err);
  }
  assert.ok(!existsSync(join(cwd, 'no-such-folder')), 'it is not made');
  taken.close();
});

test('its address can be opened, and a signal ends it with 0', async () => {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    const cwd = newFolder();
    const program = start(['ui', 'runs', '--port', '0', '--no-open'], cwd);
    await until(() => program.out().endsWith('\n'));
    assert.match(program.out(), /^http:\/\/127\.0\.0\.1:\d+\/#token=[\w-]{32}\n$/);
    const answer = await fetch(program.out().trim(), { redirect: 'manual' });
    assert.equal(answer.status, 200);
    const stream = await fetch(new URL('/api/list', program.out().trim()));
    assert.equal(stream.status, 200);
    program.process.kill(signal);
    const { code, err } = await program.ended;
    assert.equal(code, 0);
    assert.match(err, /^Dashboard of runs\. Anyone with this address can change runs\. Ctrl-C stops it; runs continue\.\n$/);
  }
});

test('behind a proxy: its own address, and those of the proxy', async () => {
  const options = ['--base', '/tools/instar', '--allow-host', 'Tools.example.org,[2001:db8::7],localhost'];
  const program = start(['ui', 'runs', '--port', '0', '--no-open', ...options], newFolder());
  await until(() => program.out().endsWith('\n'));
  const [, token] = /^http:\/\/127\.0\.0\.1:\d+\/tools\/instar\/#token=([\w-]{32})\n$/.exec(program.out()) ?? [];
  assert.ok(token, program.out());
  program.process.kill('SIGINT');
  const { code, err } = await program.ended;
  assert.equal(code, 0);
  assert.deepEqual(err.trim().split('\n').slice(1), [
    `By way of a proxy: https://tools.example.org/tools/instar/#token=${token}`,
    `By way of a proxy: https://[2001:db8::7]/tools/instar/#token=${token}`,
  ]);
});

test(
  'a browser is opened without the token among its arguments, which all on the machine can see',
  { skip: process.platform !== 'linux' },
  async () => {
    const cwd = newFolder();
    const [bin, told, seen] = [join(cwd, 'bin'), join(cwd, 'told'), join(cwd, 'seen')];
    mkdirSync(bin);
    mkdirSync(join(cwd, 'runs'));
    writeFileSync(join(bin, 'xdg-open'), `#!/bin/sh\ncp "$1" '${seen}'\nprintf '%s\\n' "$@" > '${told}'\n`, { mode: 0o755 });
    const path = process.env['PATH'] ?? '';
    process.env['PATH'] = `${bin}${delimiter}${path}`;
    const world = pretend({ environment: { DISPLAY: ':0' } });
    Object.assign(world.io.out, { isTTY: true });
    try {
      const ended = uiCommand(join(cwd, 'runs'), { port: 0 }, world.io);
      await until(() => existsSync(told) && readFileSync(told, 'utf8').endsWith('\n'));
      const address = world.out().trim();
      const token = /token=([\w-]+)$/.exec(address)?.[1] ?? assert.fail(address);
      const [file = '', ...more] = readFileSync(told, 'utf8').trim().split('\n');
      assert.deepEqual(more, []);
      assert.ok(!file.includes(token) && !file.includes('http'), file);
      assert.ok(readFileSync(seen, 'utf8').includes(`url=${address}"`));
      world.handlers.get('SIGINT')?.();
      assert.equal(await ended, 0);
      assert.ok(!existsSync(dirname(file)), 'nothing is left of it');
    } finally {
      process.env['PATH'] = path;
    }
  },
);
