/** Who may ask what: hostile and malformed requests are refused, and change and reveal nothing. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { hostname, networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { random } from '../../src/util/random.ts';
import { startUi } from '../../src/web/server.ts';
import { serveHere } from './dashboard.ts';
import { listingOf, newFolder, writeRun } from './folders.ts';
import { ask, type Answer, type RawRequest } from './raw.ts';

const top = newFolder();
const folder = join(top, 'runs');
writeRun(join(folder, 'one'));
writeRun(join(folder, 'two'));
writeFileSync(join(folder, 'one', 'log.txt'), 'what it said\n');
// A log that leads elsewhere, as in a folder that came from a stranger.
symlinkSync('/etc/passwd', join(folder, 'two', 'log.txt'));
writeFileSync(join(top, 'secret.txt'), 'the secret beside the folder');
const ui = await serveHere(folder);
after(() => ui.close());

const host = `Host: 127.0.0.1:${ui.port}`;
const origin = `Origin: http://127.0.0.1:${ui.port}`;
const token = `Instar-Token: ${ui.token}`;
const json = 'Content-Type: application/json';
const send = (target: string, rest: Partial<RawRequest> = {}): Promise<Answer> =>
  ask({ port: ui.port, target, headers: [host], ...rest });
/** With the token, from the page itself. */
const post = (target: string, body: string | Buffer, headers: readonly string[] = [host, origin, token]): Promise<Answer> =>
  send(target, { method: 'POST', headers: [...headers, json, `Content-Length: ${Buffer.byteLength(body)}`], body });

const hasPolicy = ({ headers }: Answer): boolean =>
  (headers.get('content-security-policy') ?? '').includes("script-src 'self'") &&
  headers.get('x-content-type-options') === 'nosniff' &&
  headers.get('cross-origin-resource-policy') === 'same-origin' &&
  headers.get('referrer-policy') === 'no-referrer';

const climbs = [
  '../../../../etc/passwd',
  '..%2f..%2f..%2f..%2fetc%2fpasswd',
  '%2e%2e/%2e%2e/%2e%2e/etc/passwd',
  '..%252f..%252fetc%252fpasswd',
  '....//....//etc/passwd',
  '..\\..\\..\\etc\\passwd',
  '..%5c..%5cetc%5cpasswd',
  '%c0%ae%c0%ae/%c0%ae%c0%ae/etc/passwd',
  '/etc/passwd',
  '%2fetc%2fpasswd',
  'file:///etc/passwd',
  'one/../../secret.txt',
  'one/..%2f..%2fsecret.txt',
  'one%00',
  'one%00/../../secret.txt',
  '../secret.txt',
  '..',
  '.',
  '',
  '%',
  '%zz',
  '%ff%fe',
  '__proto__',
  'con/structor',
  "one';ls",
  '$(id)',
  '`id`',
  '--help',
  'one%0d%0aSet-Cookie:%20a=b',
  '<script>alert(1)</script>',
  '%3Cscript%3E',
  'a'.repeat(5000),
  '../'.repeat(1000),
];
const looks = ['run', 'run/log', 'run/live', 'run/model', 'run/images', 'run/pixels', 'run/events', 'report', 'export'];

/** Whether an answer is a refusal, or a look that anyone may have. */
const isFine = ({ status, text }: Answer): boolean =>
  ((status >= 400 && status < 500) || status === 200) && !text.includes('root:x:') && !text.includes('the secret beside');

test('a thousand hostile and malformed requests: refused, nothing changed, nothing told', async () => {
  const before = listingOf(top);
  const wrong: string[] = [];
  let count = 0;
  const check = async (what: string, asked: Promise<Answer>, fine: (answer: Answer) => boolean = isFine): Promise<void> => {
    count++;
    const answer = await asked;
    if (!fine(answer) || (answer.text !== '' && !hasPolicy(answer)))
      wrong.push(`${what.slice(0, 200)}: ${answer.status} ${hasPolicy(answer)} ${answer.text.slice(0, 100)}`);
  };
  const refused = (...statuses: readonly number[]) => {
    return (answer: Answer): boolean =>
      isFine(answer) && answer.status !== 200 && (statuses.length === 0 || statuses.includes(answer.status));
  };

  // Names that lead elsewhere, in each place where a name may stand.
  for (const climb of climbs) {
    for (const each of looks) await check(`${each} ${climb}`, send(`/api/${each}?run=${climb}`), refused());
    await check(`line ${climb}`, send(`/api/run/model?run=one&line=${climb}`), refused());
    await check(`part ${climb}`, send(`/api/run/images?run=one&part=${climb}`), refused());
    await check(`from ${climb}`, send(`/api/run/pixels?run=one&part=test&from=${climb}&count=1`), refused());
    await check(`study ${climb}`, send(`/api/study?study=${climb}`), refused());
    await check(`report of study ${climb}`, send(`/api/report?study=${climb}`), refused());
    for (const path of ['', 'api/', 'assets/', 'run/', 'assets/../../'])
      await check(`/${path}${climb}`, send(`/${path}${climb}`));
    for (const each of ['stop', 'resume', 'rename', 'notes', 'delete'])
      await check(`${each} ${climb}`, post(`/api/run/${each}?run=${climb}`, '{"name":"x","sure":true}'), refused());
    await check(`rename to ${climb}`, post('/api/run/rename?run=one', JSON.stringify({ name: climb })), refused());
    await check(`delete as ${climb}`, post('/api/run/delete?run=one', JSON.stringify({ name: climb, sure: true })), refused());
    const form = { data: climb, preset: 'quick', method: 'shr', seed: 1, engine: 'auto', baseline: false };
    await check(`search ${climb}`, post('/api/search', JSON.stringify(form)), refused());
    await check(`name ${climb}`, post('/api/search', JSON.stringify({ ...form, data: 'mnist', name: climb || '.' })), refused());
  }

  // Bodies that are none.
  const bodies: readonly (string | Buffer)[] = [
    '',
    '{',
    'null',
    '[]',
    '1',
    '"text"',
    '{"name":1}',
    '{"name":null}',
    '{"name":["a"]}',
    '{"name":{"a":1}}',
    '{"name":"x","more":1}',
    '{"__proto__":{"name":"x"}}',
    '{"name":"one","sure":false}',
    '{"name":"one","sure":"true"}',
    '{"name":"one"}',
    '{"name":"-x"}',
    '{"name":".x"}',
    '{"name":"a/b"}',
    '{"name":"a\\u0000b"}',
    '{"name":"a\\nb"}',
    `{"name":"${'x'.repeat(81)}"}`,
    `{"name":"${'é'.repeat(10_000)}"}`,
    '{"name":"two"}',
    Buffer.from([0xff, 0xfe, 0x00, 0x7b]),
    '['.repeat(10_000),
    'x'.repeat(200_000),
  ];
  for (const body of bodies)
    for (const [target, more] of [
      ['/api/run/rename?run=one', []],
      ['/api/run/delete?run=one', []],
      ['/api/search', []],
      ['/api/plan', []],
      ['/api/run/stop?run=one', []],
      ['/api/run/resume?run=nothing', []],
      ['/api/run/rename?run=one', ['Expect: 100-continue']],
    ] as const)
      await check(`${target} ${String(body).slice(0, 60)}`, post(target, body, [host, origin, token, ...more]), refused());
  for (const budget of ['1h --run=/tmp/x', '--mixed', '1;2', '-1', '1e9', '', 'h', ' 1h', '1h ', 'NaN'])
    await check(`budget ${budget}`, post('/api/run/resume?run=nothing', JSON.stringify({ budget })), refused());
  for (const length of ['-1', '1e9', 'abc', '99999999999999', '1, 2'])
    await check(
      `length ${length}`,
      send('/api/plan', { method: 'POST', headers: [host, origin, token, `Content-Length: ${length}`], body: '{}' }),
      ({ status }) => status >= 400 && status < 500,
    );
  const chunked = [host, origin, token, 'Transfer-Encoding: chunked'];
  const chunk = (text: string): string => `${text.length.toString(16)}\r\n${text}\r\n0\r\n\r\n`;
  for (const body of [chunk('x'.repeat(100_000)), chunk('{'), 'zz\r\n', chunk('{"name":"two"}')])
    await check('in pieces', send('/api/run/rename?run=one', { method: 'POST', headers: chunked, body }), refused());

  // Whoever may not ask.
  const good = JSON.stringify({ name: 'one', sure: true });
  const strangers: readonly (readonly [string, readonly string[]])[] = [
    ['no token', [host, origin]],
    ['no origin', [host, token]],
    ['wrong token', [host, origin, `Instar-Token: ${'a'.repeat(ui.token.length)}`]],
    ['short token', [host, origin, 'Instar-Token: a']],
    ['empty token', [host, origin, 'Instar-Token: ']],
    ['long token', [host, origin, `${token}a`]],
    ['start of the token', [host, origin, token.slice(0, -1)]],
    ['two tokens', [host, origin, 'Instar-Token: a', token]],
    ['cookie', [host, origin, `Cookie: instar-${ui.port}=${ui.token}; Instar-Token=${ui.token}; token=${ui.token}`]],
    ['bearer', [host, origin, `Authorization: Bearer ${ui.token}`]],
    ['basic', [host, origin, `Authorization: Basic ${Buffer.from(`:${ui.token}`).toString('base64')}`]],
    ['null origin', [host, 'Origin: null', token]],
    ['empty origin', [host, 'Origin: ', token]],
    ['evil origin', [host, 'Origin: http://evil.com', token]],
    ['origin that ends like ours', [host, `Origin: http://evil.com/127.0.0.1:${ui.port}`, token]],
    ['origin that begins like ours', [host, `Origin: http://127.0.0.1:${ui.port}.evil.com`, token]],
    ['https', [host, `Origin: https://127.0.0.1:${ui.port}`, token]],
    ['another port', [host, `Origin: http://127.0.0.1:1`, token]],
    ['localhost for 127.0.0.1', [host, `Origin: http://localhost:${ui.port}`, token]],
    ['another site says the browser', [host, origin, token, 'Sec-Fetch-Site: cross-site']],
    ['two origins', [host, origin, 'Origin: http://evil.com', token]],
  ];
  for (const [what, headers] of strangers)
    for (const target of ['/api/run/delete?run=one', '/api/run/stop?run=one', '/api/search', '/api/plan', '/', '/run/one'])
      await check(`${what} ${target}`, post(target, good, headers), refused(400, 401, 403, 405));
  for (const target of ['/api/list', '/api/run?run=one', '/api/run/model?run=one&line=final', '/api/run/events?run=one'])
    for (const stranger of ['Origin: http://evil.com', 'Origin: null', 'Sec-Fetch-Site: cross-site', 'Sec-Fetch-Site: same-site'])
      await check(`${stranger} ${target}`, send(target, { headers: [host, stranger, token] }), refused(403));

  // Names that are not ours (DNS rebinding).
  const hosts = [
    'evil.com',
    `evil.com:${ui.port}`,
    `127.0.0.1.evil.com:${ui.port}`,
    `localhost.evil.com:${ui.port}`,
    `evil.com:${ui.port}@127.0.0.1:${ui.port}`,
    `127.0.0.1:${ui.port}@evil.com`,
    `127.0.0.1:${ui.port}.evil.com`,
    '127.0.0.1:',
    `127.0.0.1:${ui.port}/`,
    `192.0.2.1:${ui.port}`,
    `[2001:db8::1]:${ui.port}`,
    `[::ffff:192.0.2.1]:${ui.port}`,
    `0.0.0.0:${ui.port}`,
    `[::]:${ui.port}`,
    `0x7f000001.evil.com:${ui.port}`,
    `${hostname()}.evil.com:${ui.port}`,
    '',
    ' ',
    'a b',
    `127.0.0.1:${ui.port}, evil.com`,
    `[::1`,
    `]:${ui.port}`,
    'é',
  ];
  for (const name of hosts)
    for (const target of ['/', '/api/list', '/api/run/events?run=one', '/assets/nothing.js'])
      await check(`Host: ${name} ${target}`, send(target, { headers: [`Host: ${name}`, token] }), refused(400, 421));
  assert.equal((await send('/api/list', { headers: [] })).status, 400, 'no Host');
  // Through a tunnel, whose other end has a port of its own; what changes something must come from there too.
  assert.equal((await send('/api/list', { headers: ['Host: localhost:8080'] })).status, 200, 'a tunnel');
  await check('two Hosts', send('/api/list', { headers: [host, 'Host: evil.com'] }), refused(400, 421));

  // Methods, targets, headers.
  for (const method of ['PUT', 'DELETE', 'PATCH', 'OPTIONS', 'TRACE', 'PROPFIND', 'CONNECT', 'FOO', 'get', 'G ET'])
    for (const target of ['/', '/api/list', '/api/run?run=one', '/api/search'])
      for (const headers of [[host], [host, origin, token]])
        await check(
          `${method} ${target}`,
          send(target, { method, headers }),
          ({ status }) => status === 0 || (status >= 400 && status < 500),
        );
  for (const target of [
    'http://evil.com/api/list',
    '//evil.com/api/list',
    '*',
    'api/list',
    '/api/list HTTP/1.1\r\nX: y',
    '/\u0000',
    '/\u00ff\u00fe',
    `/${'a'.repeat(20_000)}`,
    `/?${'a=b&'.repeat(3000)}`,
    '/api/list?run=%00',
    '/api/run?run=one&run=two',
    '/api/run?run[]=one',
    '/api/run?run=nothing&run=one',
    '/api//list',
    '/API/LIST',
    '/api/list/',
    '/api/list%2f',
    '/api',
    '/api/',
  ])
    await check(target, send(target), (answer) => answer.status === 0 || isFine(answer));
  for (const header of [
    `X: ${'a'.repeat(20_000)}`,
    'X\u0000: y',
    ' X: y',
    'X: y\rZ',
    `Cookie: ${'a=b; '.repeat(2000)}`,
    'Cookie: %zz=%zz',
    'Last-Event-ID: ../../x',
    'Accept-Encoding: *;q=zz',
  ])
    for (const target of ['/api/list', '/', '/api/run/events?run=one'])
      await check(
        header.slice(0, 30),
        send(target, { headers: [host, header] }),
        (answer) => answer.status === 0 || isFine(answer),
      );

  // Bytes drawn at random.
  const draw = random('bytes of requests');
  for (let turn = 0; turn < 200; turn++) {
    const bytes = Array.from({ length: 1 + draw.integer(40) }, () => String.fromCharCode(33 + draw.integer(220))).join('');
    const target = draw.pick(['/', '/api/run?run=', '/api/run/model?run=one&line=', '/run/', '/api/study?study=', '/assets/']);
    await check(`drawn ${turn}`, send(`${target}${bytes}`), (answer) => answer.status === 0 || isFine(answer));
  }

  assert.deepEqual(wrong, []);
  assert.ok(count >= 1000, `${count} requests`);
  assert.equal(listingOf(top), before, 'nothing has changed');
  const listed = await send('/api/list', { headers: [host, token] });
  assert.match(listed.text, /"one"/, 'and it answers');
});

test('who has the token may change things; it is told whether it is right, and no answer sets a cookie', async () => {
  const may = async (...more: string[]): Promise<unknown> =>
    (
      JSON.parse(
        (await send('/api/list', { headers: [host, ...more, 'Accept-Encoding: identity'] })).text.replace(/^[^{]*|[^}]*$/g, ''),
      ) as { mayChange: boolean }
    ).mayChange;
  assert.equal(await may(), false);
  assert.equal(await may(token), true);
  assert.equal(await may('Instar-Token: old'), false);
  assert.equal((await send('/api/token', { headers: [host, token] })).status, 200);
  for (const wrong of [[], ['Instar-Token: old'], [`Cookie: instar-${ui.port}=${ui.token}`]])
    assert.equal((await send('/api/token', { headers: [host, ...wrong] })).status, 403);
  for (const target of ['/', `/?token=${ui.token}`, `//evil.com/?token=${ui.token}`, '/api/list', '/api/token']) {
    const { status, headers } = await send(target, { headers: [host, token] });
    assert.equal(status, 200, target);
    assert.equal(headers.get('set-cookie'), undefined, target);
  }
});

test('policies stand on every kind of answer, and the page obeys them', async () => {
  for (const [target, method, status] of [
    ['/', 'GET', 200],
    ['/', 'HEAD', 200],
    ['/run/one', 'GET', 200],
    ['/assets/nothing.js', 'GET', 404],
    ['/api/nothing', 'GET', 404],
    ['/api/run?run=nothing', 'GET', 404],
    ['/api/run/images?run=one&part=x', 'GET', 400],
    ['/api/run/images?run=one&part=test', 'GET', 422],
    ['/api/run/model?run=one&line=final', 'GET', 404],
    ['/api/run/events?run=one', 'GET', 200],
    ['/api/run/events?run=one', 'HEAD', 200],
    ['/api/token', 'GET', 403],
    ['/', 'POST', 401],
  ] as const) {
    const answer = await send(target, { method });
    assert.equal(answer.status, status, `${method} ${target}`);
    assert.ok(hasPolicy(answer), `${method} ${target}`);
  }
  assert.ok(hasPolicy(await send('/', { headers: [host.replace('127.0.0.1', 'evil.com')] })));
  assert.ok(hasPolicy(await send('/', { headers: ['Host: a b'] })), 'what is no request at all');

  const client = fileURLToPath(new URL('../../web', import.meta.url));
  const page = readFileSync(join(client, 'index.html'), 'utf8');
  assert.doesNotMatch(page, /<style|\sstyle=|<script(?![^>]*\ssrc=)|\son\w+=|javascript:/i);
  assert.doesNotMatch(page, /https?:\/\//);
  for (const name of readdirSync(join(client, 'assets')).filter((each) => each.endsWith('.css')))
    assert.doesNotMatch(readFileSync(join(client, 'assets', name), 'utf8'), /@import|url\(\s*['"]?https?:/);
});

/** What is refused without the token, and answered with it. */
async function refusesReaders(
  base: { readonly port: number; readonly address?: string },
  own: string,
  right: string,
  what: string,
): Promise<void> {
  for (const [target, status] of [
    ['/api/list', 200],
    ['/api/run?run=one', 200],
    ['/api/run/log?run=one', 200],
    ['/api/run/events?run=one', 200],
    ['/api/run/model?run=one&candidate=final', 404],
    ['/api/nothing', 404],
    ['/api', 404],
  ] as const) {
    for (const more of [[], ['Instar-Token: a'], [`Cookie: instar-${base.port}=${right}`]])
      assert.equal((await ask({ ...base, target, headers: [own, ...more] })).status, 401, `${target} ${what}`);
    const known = await ask({ ...base, target, headers: [own, `Instar-Token: ${right}`] });
    assert.equal(known.status, status, `${target} ${what}`);
  }
  // The page is the same everywhere, and brings the token.
  for (const target of ['/', '/run/one', '/nothing']) {
    const { status, text } = await ask({ ...base, target, headers: [own, 'Accept-Encoding: identity'] });
    assert.equal(status, 200, `${target} ${what}`);
    assert.ok(text.includes('id="app"') && !text.includes('one'), `${target} ${what}`);
  }
}

test('on another address than loopback everything needs the token', async (t) => {
  const open = await startUi({ folder, port: 0, host: '0.0.0.0', data: null, program: ['false'] });
  t.after(() => open.close());
  assert.match(open.address, /^http:\/\/127\.0\.0\.1:\d+\/#token=/);
  const outer = Object.values(networkInterfaces())
    .flat()
    .find((each) => each?.family === 'IPv4' && !each.internal)?.address;
  for (const address of ['127.0.0.1', ...(outer === undefined ? [] : [outer])]) {
    const base = { port: open.port, address };
    const own = `Host: ${address}:${open.port}`;
    await refusesReaders(base, own, open.token, `at ${address}`);
    assert.equal((await ask({ ...base, target: '/', headers: [`Host: evil.com:${open.port}`] })).status, 421);
    const named = [`Host: ${hostname()}:${open.port}`, `Instar-Token: ${open.token}`];
    assert.equal((await ask({ ...base, target: '/api/list', headers: named })).status, 200, 'by this machine’s name');
  }
  t.diagnostic(outer === undefined ? 'no other address here' : 'asked over another address too');
});

test('behind a proxy everything needs the token, and the names of the proxy alone are accepted', async (t) => {
  const names = ['tools.example.org', '192.0.2.7', '2001:db8::7'];
  for (const options of [{ allowedHosts: names }, { base: '/tools/instar/' }, { base: '/tools/instar/', allowedHosts: names }]) {
    const behind = await startUi({ folder, port: 0, host: '127.0.0.1', data: null, program: ['false'], ...options });
    t.after(() => behind.close());
    const { port } = behind;
    const { base = '/', allowedHosts = [] } = options;
    assert.equal(behind.address, `http://127.0.0.1:${port}${base}#token=${behind.token}`);
    const right = `Instar-Token: ${behind.token}`;
    // A proxy may pass on its own name, or write ours.
    const own = [
      `127.0.0.1:${port}`,
      ...allowedHosts.flatMap((name) => (name.includes(':') ? [`[${name}]`] : [name, `${name}:8443`])),
    ];
    for (const each of own) await refusesReaders({ port }, `Host: ${each}`, behind.token, each);
    for (const each of [
      'evil.com',
      'tools.example.org.evil.com',
      'example.org',
      'x.tools.example.org',
      '192.0.2.8',
      '[2001:db8::8]',
    ])
      for (const target of ['/', '/api/list', base])
        assert.equal((await ask({ port, target, headers: [`Host: ${each}`, right] })).status, 421, `${each} ${target}`);
    if (allowedHosts.length === 0)
      for (const each of names.slice(0, 2))
        assert.equal((await ask({ port, target: '/', headers: [`Host: ${each}`] })).status, 421, each);
    // What changes something comes from a page of the proxy's name, with TLS or without.
    const stop = async (name: string, from: string, ...more: string[]): Promise<number> =>
      (
        await ask({
          port,
          method: 'POST',
          target: '/api/run/stop?run=one',
          headers: [`Host: ${name}`, ...(from === '' ? [] : [`Origin: ${from}`]), right, ...more, 'Content-Length: 0'],
        })
      ).status;
    for (const name of own) assert.equal(await stop(name, `http://${name}`), 409, `it is asked, and does not run: ${name}`);
    const fromProxy = [
      'https://tools.example.org',
      'https://tools.example.org:8443',
      'http://192.0.2.7',
      'https://[2001:db8::7]',
    ];
    for (const from of fromProxy)
      for (const name of own) assert.equal(await stop(name, from), allowedHosts.length > 0 ? 409 : 403, `${name} from ${from}`);
    for (const from of [
      '',
      'null',
      'https://evil.com',
      'https://x.tools.example.org',
      'ftp://tools.example.org',
      'https://tools.example.org.evil.com',
      'https://tools.example.org@evil.com',
    ])
      for (const name of own) assert.equal(await stop(name, from), 403, `${name} from ${from}`);
    assert.equal(
      await stop(own.at(-1) ?? '', 'https://tools.example.org', 'Sec-Fetch-Site: same-site'),
      403,
      'another port of that host',
    );
  }
});

test('the base is passed on or taken off, and leads nowhere else', async (t) => {
  const based = await startUi({ folder, port: 0, host: '127.0.0.1', data: null, program: ['false'], base: '/tools/instar/' });
  t.after(() => based.close());
  const get = (target: string, ...more: string[]): Promise<Answer> =>
    ask({ port: based.port, target, headers: [`Host: 127.0.0.1:${based.port}`, 'Accept-Encoding: identity', ...more] });
  const pages = await Promise.all(['/tools/instar/', '/', '/tools/instar/run/one', '/run/one'].map((target) => get(target)));
  const script = /src="([^"]*)"/.exec(pages[0]?.text ?? '')?.[1] ?? '';
  assert.match(script, /^\/tools\/instar\/assets\/index-[\w-]+\.js$/);
  for (const page of pages) {
    assert.equal(page.text, pages[0]?.text);
    assert.match(page.text, /<meta name="base" content="\/tools\/instar\/"/);
    assert.doesNotMatch(page.text, /="\/(?!tools\/instar\/)/);
  }
  for (const target of [script, script.replace('/tools/instar', '')])
    assert.match((await get(target)).headers.get('content-type') ?? '', /javascript/);
  assert.equal((await get('/tools/instar/assets/none.js')).status, 404);
  const bare = await get('/tools/instar');
  assert.deepEqual([bare.status, bare.headers.get('location')], [302, '/tools/instar/']);
  const right = `Instar-Token: ${based.token}`;
  for (const target of ['/api/list', '/tools/instar/api/list', '/tools/instar/%61pi/list', '/tools/%69nstar/api/list']) {
    assert.equal((await get(target)).status, 401, target);
    assert.equal((await get(target, right)).status, 200, target);
  }
  for (const target of [
    '/tools/instar//api/list',
    '/tools/instar/tools/instar/api/list',
    '/tools/api/list',
    '/tools/instar/../api/list',
  ]) {
    const { text, status } = await get(target);
    assert.ok(!text.includes('"runs"') && (status === 401 || text.includes('id="app"')), `${target}: ${status}`);
  }
});
