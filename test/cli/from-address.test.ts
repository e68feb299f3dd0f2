/** `--from https://…#sha256=…`, and the networks of `evaluate` and `predict`, from a server on this machine. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { encodeModel } from '../../src/formats/onnx/codec.ts';
import { readRun } from '../../src/run/record/read.ts';
import { serve, whole, type Answer } from '../data/serve.ts';
import { makeSecure, startRedis, withoutRedis } from '../execution/brokers.ts';
import { handmadeModel, headOf } from '../support/onnx-models.ts';
import { instar, makePhotos, newFolder, start, tiny, until } from './fixtures.ts';

let folder = '';
let model: Buffer;
const digitsOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
const withHash = (address: string, bytes: Uint8Array = model): string => `${address}#sha256=${digitsOf(bytes)}`;
const downloads = (): string => join(folder, 'cache', 'downloads');
const kept = (): string => join(downloads(), `${digitsOf(model)}.onnx`);

before(async () => {
  folder = newFolder();
  await makePhotos(join(folder, 'photos'), 12);
  const drawn = handmadeModel(
    (g, x) => headOf(g, g.node('Relu', [g.node('Conv', [x, g.weights(6, 3, 3, 3), g.weights(6)])]), 6),
    { extents: [3, 9, 9], metadata: { classes: JSON.stringify(['coral', 'violet', 'amber']) } },
  );
  model = Buffer.from(encodeModel(drawn));
});
after(() => rmSync(folder, { recursive: true, force: true }));

/** Without the vanilla network's widths, and shorter. */
const options = [
  ...tiny.filter((word, at) => word !== '--widths' && tiny[at - 1] !== '--widths'),
  '--vanilla-epochs',
  '1',
  '--final-epochs',
  '1',
];
const searching = (from: string, ...more: string[]): string[] => ['search', 'photos', ...options, '--from', from, ...more];

const refused = async (wanted: RegExp, ...line: string[]): Promise<void> => {
  const { code, out, err } = await instar(line, folder);
  assert.deepEqual([code, out], [2, ''], err);
  assert.match(err, wanted);
  assert.equal(err.split('\n').length, 2, err);
};

test('the file is downloaded once; later runs, resuming and other commands need no network', async (t) => {
  const server = await serve(t, whole(model));
  const address = withHash(`${server.origin}/models/net%20v2.onnx?download=true`);
  const { code, err } = await instar(searching(address, '--run', 'run'), folder);
  assert.equal(code, 0, err);
  for (const words of [
    `downloading ${server.origin}/models/net%20v2.onnx?download=true: `,
    'net v2.onnx has 3 classes, photos has 5: its last layer is initialized again',
    'given network net v2.onnx: ',
    'net v2.onnx: epoch 1, ',
  ])
    assert.ok(err.includes(words), `${words} in\n${err}`);
  assert.match(err, /^from http:\/\/127\.0\.0\.1:\d+\/models\/net%20v2\.onnx\?download=true; on \d+ images? its logits/m);
  const { config } = readRun(join(folder, 'run'));
  assert.equal(config.from?.reference, address);
  assert.deepEqual(readdirSync(downloads()), [`${digitsOf(model)}.onnx`]);
  const shown = await instar(['show', 'run'], folder);
  assert.match(shown.out, /^Given network net v2\.onnx {2}/m);

  server.close();
  // The same file by another name.
  const other = withHash('https://elsewhere.invalid/final.onnx');
  const going = start(searching(other, '--json', '--run', 'stopped'), folder);
  await until(() => going.out().includes('"type":"epoch"'));
  going.process.kill('SIGINT');
  assert.equal((await going.ended).code, 130);
  const evaluated = await instar(['evaluate', other, 'photos', '--part', 'all'], folder);
  assert.match(evaluated.err, /photos has 5|does not know the class/);
  const picture = join('photos', 'coral', '1.png');
  const [byAddress, byPath] = [
    await instar(['predict', other, picture], folder),
    await instar(['predict', kept(), picture], folder),
  ];
  assert.equal(byAddress.code, 0, byAddress.err);
  const lines = (text: string): readonly string[] => text.split('\n').slice(1);
  assert.deepEqual(lines(byAddress.out), lines(byPath.out));
  assert.match(byAddress.out, /^https:\/\/elsewhere\.invalid\/final\.onnx does not say how its pixels are scaled/);
  // The run needs neither address nor file.
  rmSync(join(folder, 'cache'), { recursive: true });
  const resumed = await instar(['resume', 'stopped'], folder);
  assert.equal(resumed.code, 0, resumed.err);
  // Which lines resuming prints depends on when it was stopped.
  assert.match((await instar(['show', 'stopped'], folder)).out, /^Given network final\.onnx {2}/m);
  assert.ok(!existsSync(downloads()));
});

test('the best.safetensors of a run is used by its address as by its path', async (t) => {
  const bytes = readFileSync(join(folder, 'run', 'best.safetensors'));
  const server = await serve(t, whole(bytes));
  const address = withHash(`${server.origin}/best.safetensors`, bytes);
  const [byAddress, byPath] = [
    await instar(['evaluate', address, 'photos', '--json'], folder),
    await instar(['evaluate', join('run', 'best.safetensors'), 'photos', '--json'], folder),
  ];
  assert.equal(byAddress.code, 0, byAddress.err);
  const { network, ...own } = JSON.parse(byAddress.out) as { network: string };
  const { network: _path, ...same } = JSON.parse(byPath.out) as { network: string };
  assert.deepEqual(own, same);
  assert.equal(network, `${server.origin}/best.safetensors`);
  await refused(/^instar: --pixels does not apply to the network of a run\n$/, 'evaluate', address, 'photos', '--pixels', 'raw');
});

test('what is wrong with an address is said before anything is asked', async (t) => {
  const server = await serve(t, whole(model));
  const address = `${server.origin}/net.onnx`;
  const wrong =
    'must end with #sha256= and the 64 digits of the SHA-256 of the file; who offers the file tells it, and sha256sum prints it';
  await refused(new RegExp(`^instar: --from ${address}#sha256=12: ${wrong}\n$`), ...searching(`${address}#sha256=12`));
  await refused(new RegExp(`^instar: ${address}#md5=12: ${wrong}\n$`), 'predict', `${address}#md5=12`, 'x.png');
  const elsewhere = withHash('http://example.invalid/net.onnx');
  await refused(/^instar: http:[^:]+: must be a path or begin with https:/, 'evaluate', elsewhere, 'photos');
  assert.deepEqual(server.paths, []);
});

test('without a hash the file is not used: the one that it has is said, and then it is not downloaded again', async (t) => {
  rmSync(downloads(), { recursive: true, force: true });
  const server = await serve(t, whole(model));
  const address = `${server.origin}/net.onnx`;
  const picture = join('photos', 'coral', '1.png');
  for (const line of [
    searching(address, '--run', 'unknown'),
    ['predict', address, picture],
    ['plan', 'photos', '--from', address],
  ]) {
    const { code, out, err } = await instar(line, folder);
    assert.deepEqual([code, out], [2, ''], err);
    const said = err.split('\n').filter((each) => each !== '' && !each.startsWith('downloading'));
    assert.deepEqual(said, [
      `instar: ${address}: an address needs the SHA-256 of its file. What it gives now has ${digitsOf(model)}; if that is what its publisher says, give '${withHash(address)}'`,
    ]);
    assert.ok(!existsSync(join(folder, 'unknown')));
    assert.deepEqual(readdirSync(downloads()), [`${digitsOf(model)}.onnx`]);
  }
  server.close();
  assert.equal((await instar(['predict', withHash(address), picture], folder)).code, 0);
});

test('by https, from a server with a certificate; redirects stay with it, and a certificate of nobody is refused', async (t) => {
  const secure = makeSecure(join(folder, 'tls'), '');
  const asked: string[] = [];
  const identity = { key: readFileSync(secure.key), cert: readFileSync(secure.certificate) };
  const plain = await serve(t, whole(model));
  const server = createServer(identity, (request, response) => {
    const path = request.url ?? '';
    asked.push(path);
    if (path === '/moved.onnx') response.writeHead(302, { location: '/net.onnx' }).end();
    else if (path === '/leaves.onnx') response.writeHead(302, { location: `${plain.origin}/net.onnx` }).end();
    else whole(model)(request, response, 1);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const origin = `https://localhost:${(server.address() as AddressInfo).port}`;
  const picture = join('photos', 'coral', '1.png');
  const trusting = { NODE_EXTRA_CA_CERTS: secure.authority };
  const predict = (path: string, environment: Readonly<Record<string, string>>) => {
    rmSync(downloads(), { recursive: true, force: true });
    return start(['predict', withHash(`${origin}${path}`), picture], folder, environment).ended;
  };
  for (const path of ['/net.onnx', '/moved.onnx']) {
    const { code, err } = await predict(path, trusting);
    assert.equal(code, 0, err);
    assert.deepEqual(readFileSync(kept()), model);
  }
  assert.deepEqual(asked, ['/net.onnx', '/moved.onnx', '/net.onnx']);
  const left = await predict('/leaves.onnx', trusting);
  assert.equal(left.code, 2);
  assert.match(left.err, /cannot be downloaded \(it leads to http:\/\/127\.0\.0\.1:\d+, which is not https\)/);
  assert.deepEqual(plain.paths, []);
  const unknown = await predict('/net.onnx', {});
  assert.equal(unknown.code, 2);
  assert.match(
    unknown.err,
    /cannot be downloaded \((UNABLE_TO_VERIFY_LEAF_SIGNATURE|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_GET_ISSUER_CERT_LOCALLY)\)/,
  );
  assert.deepEqual(readdirSync(downloads()), []);
});

test('a file that is not there, another one, and external data are one line each', async (t) => {
  const gone = await serve(t, (_request, response) => void response.writeHead(404).end());
  const address = withHash(`${gone.origin}/net.onnx`, Buffer.of(1));
  await refused(
    /^(downloading .*)?instar: http:\S+\/net\.onnx: cannot be downloaded \(the server answered 404\): try again, or download it yourself and give its path\n$/,
    ...searching(address),
  );
  const other = encodeModel(
    handmadeModel((g, x) => headOf(g, x, 3), {
      extents: [3, 9, 9],
      change: (graph) => ({
        ...graph,
        initializers: graph.initializers.map((tensor, at) =>
          at === 0
            ? { name: tensor.name, dims: tensor.dims, dataType: tensor.dataType, external: { location: 'net.onnx.data' } }
            : tensor,
        ),
      }),
    }),
  );
  const server = await serve(t, whole(Buffer.from(other)));
  const lines = async (from: string): Promise<readonly string[]> => {
    const { code, err } = await instar(searching(from, '--run', 'no'), folder);
    assert.equal(code, 2, err);
    assert.ok(!existsSync(join(folder, 'no')));
    return err
      .trimEnd()
      .split('\n')
      .filter((line) => !line.startsWith('downloading'));
  };
  const [wrong = '', ...rest] = await lines(withHash(`${server.origin}/net.onnx`, Buffer.of(1)));
  assert.deepEqual(rest, []);
  assert.match(wrong, new RegExp(`its SHA-256 is ${digitsOf(other)}, not ${digitsOf(Buffer.of(1))}: try again, or`));
  const [external = '', ...more] = await lines(withHash(`${server.origin}/net.onnx`, other));
  assert.deepEqual(more, []);
  assert.match(external, /net\.onnx: tensor \S+ has external data, in a file beside it, and an address is of one file: /);
});

test('Ctrl-C keeps what came, and the next run goes on there; a damaged file in the cache is downloaded again', async (t) => {
  rmSync(downloads(), { recursive: true, force: true });
  const half = model.length >> 1;
  const hanging: Answer = (request, response, times) => {
    if (times > 1) return whole(model)(request, response, times);
    response.writeHead(200, { 'content-length': model.length });
    response.write(model.subarray(0, half));
  };
  const server = await serve(t, hanging);
  const address = withHash(`${server.origin}/net.onnx`);
  const part = `${kept()}.part`;
  const going = start(searching(address, '--run', 'first'), folder);
  await until(() => existsSync(part) && statSync(part).size === half);
  going.process.kill('SIGINT');
  const { code, err } = await going.ended;
  assert.equal(code, 130, err);
  assert.ok(!existsSync(join(folder, 'first')));
  const picture = join('photos', 'coral', '1.png');
  assert.equal((await instar(['predict', address, picture], folder)).code, 0);
  assert.deepEqual(server.asked, [undefined, `bytes=${half}-`]);
  writeFileSync(kept(), model.subarray(1));
  assert.equal((await instar(['predict', address, picture], folder)).code, 0);
  assert.equal(server.asked.length, 3);
  assert.deepEqual(readFileSync(kept()), model);
});

test('where the cache cannot be written, the file is used all the same', async (t) => {
  const place = join(folder, 'no cache');
  mkdirSync(place);
  writeFileSync(join(place, 'cache'), 'a file');
  const server = await serve(t, whole(model));
  const address = withHash(`${server.origin}/net.onnx`);
  const { code, err } = await instar(['search', join(folder, 'photos'), ...options, '--from', address, '--run', 'run'], place);
  assert.equal(code, 0, err);
  assert.equal(err.split('cannot be written').length, 2, err);
  assert.deepEqual(readdirSync(place).toSorted(), ['cache', 'run']);
  assert.ok(!existsSync(join(place, 'run', 'cache', 'downloads')));
});

test('a worker on a queue has the network from the run, and asks no address', { skip: withoutRedis() }, async (t) => {
  const redis = await startRedis(join(folder, 'redis'));
  t.after(() => redis.stop());
  rmSync(downloads(), { recursive: true, force: true });
  const store = join(folder, 'store');
  mkdirSync(store);
  const server = await serve(t, whole(model));
  const elsewhere = ['--queue', redis.address, '--store', `file:${store}`];
  const cache = { INSTAR_CACHE: join(folder, "a worker's cache") };
  const worker = start(['worker', ...elsewhere, '--engine', 'reference', '--jobs', '1'], folder, cache);
  try {
    const { code, err } = await instar(searching(withHash(`${server.origin}/net.onnx`), '--run', 'queued', ...elsewhere), folder);
    assert.equal(code, 0, err);
    assert.deepEqual(server.paths, ['/net.onnx']);
    assert.ok(!existsSync(join(cache.INSTAR_CACHE, 'downloads')));
    assert.ok(readRun(join(folder, 'queued')).state.search.finished);
  } finally {
    worker.process.kill('SIGKILL');
    await worker.ended;
  }
});
