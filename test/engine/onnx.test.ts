/** The onnx engine in the suite of all engines, and what is its own: what it says of itself, memory, the process's end. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createOnnxEngine } from '../../src/engine/onnx/onnx.ts';
import { build as buildGraph } from '../../src/engine/onnx/builder.ts';
import { normalizedOf } from '../../src/engine/onnx/lowering/covariance.ts';
import { windowOf } from '../../src/engine/onnx/lowering/windows.ts';
import { pays } from '../../src/engine/onnx/lowering/winograd.ts';
import { instructionSetOf } from '../../src/engine/onnx/onnx.ts';
import { chooseEngine, openEngine } from '../../src/engine/open.ts';
import { applyToNetwork } from '../../src/morphism/apply.ts';
import type { Network } from '../../src/network/network.ts';
import { vanillaNetwork } from '../../src/network/vanilla.ts';
import { lower, type Purpose } from '../../src/program/lower.ts';
import type { Program } from '../../src/program/program.ts';
import { must } from '../../src/util/assert.ts';
import { random } from '../../src/util/random.ts';
import { UserError } from '../../src/util/user-error.ts';
import { reference } from '../../src/engine/reference/engine.ts';
import { assertClose } from '../support/comparing.ts';
import { build, fillInputs, lossOf, randomState } from '../support/single-steps.ts';
import { conformance } from './conformance.ts';

const engine = await createOnnxEngine({ threads: 1, device: 'cpu' });

conformance(`onnx ${engine.fingerprint.version}`, async () => engine, { tolerance: { direct: 1e-4, auto: 1e-4 } });

// Where there is an adapter, and someone asks for it: on one made of software it takes a quarter of an hour.
if ((process.env['INSTAR_TEST_WEBGPU'] ?? '') !== '')
  conformance('onnx on WebGPU', () => createOnnxEngine({ threads: 1, device: 'webgpu' }), {
    tolerance: { direct: 1e-4, auto: 1e-4 },
    share: 0.25,
  });

test('the instruction set is what ONNX Runtime chooses its kernels by', () => {
  const of = (flags: string): string => instructionSetOf('x64', `processor\t: 0\nflags\t\t: fpu sse2 ${flags}\nbugs\t: x\n`);
  assert.equal(of('avx avx2 fma avx512f amx_tile'), 'avx512f');
  assert.equal(of('avx avx2 fma'), 'avx2 fma');
  assert.equal(of('avx avx2'), 'avx');
  assert.equal(instructionSetOf('arm64', 'Features\t: fp asimd crc32\n'), 'asimd');
  assert.equal(instructionSetOf('arm64', null), 'arm64');
});

const learning = { momentum: 0.9, weightDecay: 5e-4 };

test('a run of what is not a number shows in the loss, and leaves nothing behind', async () => {
  // Both ways of a max-pool, batch statistics, and several batch normalisations of equal widths.
  const network = vanillaNetwork({ channels: 3, height: 18, width: 18 }, 4, [8, 8, 8]);
  const program = lower(network, 4, { kind: 'training', learning });
  const state = randomState(program, random('spoilt'));
  const results: unknown[] = [];
  for (const spoilt of [false, true]) {
    const session = await engine.compile(program, 'auto');
    if (spoilt) {
      session.load(state);
      fillInputs(session, random('spoilt'));
      session.input(program.images).fill(NaN);
      await session.run();
      assert.ok(Number.isNaN(session.output(program.loss as number)[0]));
    }
    session.load(state);
    fillInputs(session, random('spoilt'));
    await session.run();
    results.push([session.save(), session.output(program.loss as number)[0]]);
    session.dispose();
  }
  assert.deepEqual(results[1], results[0]);
});

test('an image is laid out by windows where a max-pool alone reads what a convolution by columns made', () => {
  const [image, classes] = [{ channels: 3, height: 12, width: 12 }, 4];
  const windowsOf = (network: Network, purpose: Purpose, portable = false): number[] => {
    const program = lower(network, 4, purpose);
    const counts = new Set<number>();
    buildGraph({ program, freely: true, portable }, program.steps, (_step, b) => {
      for (const { id } of program.buffers) if (windowOf(b, id) > 1) counts.add(id);
    });
    return [...counts];
  };
  const training: Purpose = { kind: 'training', learning };
  const vanilla = vanillaNetwork(image, classes, [8, 32]);
  // Before and behind the normalisation, and the gradients of both.
  assert.equal(windowsOf(vanilla, training).length, 4);
  assert.equal(windowsOf(vanilla, { kind: 'evaluation' }).length, 2);
  assert.deepEqual(windowsOf(vanilla, training, true), []);
  // An odd side has no whole windows; a convolution of many channels is none by columns.
  assert.deepEqual(windowsOf(vanillaNetwork({ ...image, width: 13 }, classes, [8, 32]), training), []);
  assert.equal(windowsOf(vanillaNetwork(image, classes, [32, 32, 32]), training).length, 4);
  // The gradient of what a second convolution made goes further than to its kernel.
  const pool = must(
    vanilla.nodes.find(({ layer }) => layer.kind === 'max-pool'),
    'pool',
  );
  const grown = applyToNetwork(vanilla, { kind: 'insert-convolution', after: pool.inputs[0] as number, kernel: 3 });
  assert.ok(typeof grown !== 'string', String(grown));
  assert.deepEqual(windowsOf(grown, training), []);
});

test('a first convolution is normalised by the covariance of its columns where those are few', () => {
  const [image, classes] = [{ channels: 3, height: 12, width: 12 }, 4];
  const normalized = (network: Network, purpose: Purpose, portable = false): string[] => {
    const program = lower(network, 4, purpose);
    const kinds: string[] = [];
    buildGraph({ program, freely: true, portable }, program.steps, (step, b) => {
      if (normalizedOf(b, step) !== undefined) kinds.push(step.kind);
    });
    return kinds;
  };
  const training: Purpose = { kind: 'training', learning };
  const vanilla = vanillaNetwork(image, classes, [14, 32]);
  assert.deepEqual(normalized(vanilla, training), [
    'convolution',
    'batch-normalization',
    'batch-normalization-gradient',
    'convolution-gradient-kernel',
  ]);
  assert.deepEqual(normalized(vanilla, { kind: 'evaluation' }), []);
  assert.deepEqual(normalized(vanilla, { kind: 'measurement', taps: [] }), []);
  assert.deepEqual(normalized(vanilla, training, true), []);
  // 27 columns for 13 channels.
  assert.deepEqual(normalized(vanillaNetwork(image, classes, [13, 32]), training), []);
});

/** A convolution and both its gradients as programs of one step each, on images that no whole number of tiles covers. */
function convolutionPrograms(inputs: number, outputs: number, size: number, side: readonly [number, number]): Program[] {
  const [x, y, kernel] = [
    [3, inputs, ...side],
    [3, outputs, ...side],
    [outputs, inputs, size, size],
  ];
  const geometry = { kernel: size, stride: 1, padding: (size - 1) / 2, groups: 1 };
  return [
    build(3, (b) =>
      b.step({
        kind: 'convolution',
        input: b.input('x', ...x),
        kernel: b.state('kernel', 'kernel', ...kernel),
        bias: b.state('bias', 'bias', outputs),
        output: b.output('y', ...y),
        geometry,
      }),
    ),
    build(3, (b) =>
      b.step({
        kind: 'convolution-gradient-input',
        outputGradient: b.input('dy', ...y),
        kernel: b.state('kernel', 'kernel', ...kernel),
        inputGradient: b.output('dx', ...x),
        geometry,
      }),
    ),
    build(3, (b) =>
      b.step({
        kind: 'convolution-gradient-kernel',
        input: b.input('x', ...x),
        outputGradient: b.input('dy', ...y),
        kernelGradient: b.output('dW', ...kernel),
        biasGradient: b.output('db', outputs),
        geometry,
      }),
    ),
    // The gradient to the input beside that to the kernel: then the tiles of dy serve both.
    build(3, (b) => {
      const outputGradient = b.input('dy', ...y);
      const [input, weights] = [b.input('x', ...x), b.state('kernel', 'kernel', ...kernel)];
      const [kernelGradient, inputGradient] = [b.output('dW', ...kernel), b.output('dx', ...x)];
      b.step({ kind: 'convolution-gradient-kernel', input, outputGradient, kernelGradient, biasGradient: null, geometry });
      b.step({ kind: 'convolution-gradient-input', outputGradient, kernel: weights, inputGradient, geometry });
    }),
  ];
}

test('minimal filtering is taken where it pays, and computes what the definition says', async () => {
  for (const [inputs, outputs, size, side] of [
    [32, 40, 3, [8, 8]],
    [48, 32, 3, [7, 9]],
    [33, 33, 3, [16, 4]],
    [32, 48, 5, [8, 8]],
    [40, 32, 5, [6, 11]],
  ] as const) {
    const geometry = { kernel: size, stride: 1, padding: (size - 1) / 2, groups: 1 };
    assert.ok(pays(geometry, inputs, outputs, side[0], side[1]));
    for (const program of convolutionPrograms(inputs, outputs, size, side)) {
      const sessions = [await reference.compile(program, 'direct'), await engine.compile(program, 'auto')] as const;
      for (const session of sessions) {
        session.load(randomState(program, random('filtering')));
        fillInputs(session, random('filtering'));
        await session.run();
      }
      for (const { id, kind, name } of program.buffers)
        if (kind === 'output') {
          const say = (): string => `${name} of ${inputs} → ${outputs} channels, ${size}×${size} on ${side.join('×')}`;
          assertClose(sessions[1].output(id), sessions[0].output(id), 1e-4, 1, say);
        }
      for (const session of sessions) session.dispose();
    }
  }
});

test('more threads: their own fingerprint, and near results', async () => {
  const program = lower(vanillaNetwork({ channels: 3, height: 16, width: 16 }, 4, [16, 24]), 8, { kind: 'training', learning });
  const losses: number[] = [];
  for (const threads of [1, 2, 1]) {
    const { fingerprint, compile } = await createOnnxEngine({ threads, device: 'cpu' });
    assert.equal(fingerprint.threads, threads);
    const session = await compile(program, 'auto');
    losses.push(await lossOf(session, 'threads', 2));
  }
  assert.equal(losses[2], losses[0]);
  assert.ok(Math.abs((losses[1] as number) - (losses[0] as number)) < 1e-4);
});

test('`auto` is oneDNN where its library is found, else ONNX Runtime; another device is ONNX Runtime’s', async () => {
  const nowhere = { INSTAR_ONEDNN: '/nowhere/libdnnl.so' };
  assert.equal(await chooseEngine('reference', 'cpu', process.env), 'reference');
  assert.equal(await chooseEngine('auto', 'webgpu', process.env), 'onnx');
  // What is named is meant: the mistake is said when it is opened.
  assert.equal(await chooseEngine('auto', 'cpu', nowhere), 'onednn');
  const missing = (): Promise<never> => Promise.reject(new UserError('oneDNN was not found'));
  assert.equal(await chooseEngine('auto', 'cpu', {}, missing), 'onnx');
  assert.equal(await chooseEngine('auto', 'cpu', {}, async () => undefined), 'onednn');
  await assert.rejects(
    chooseEngine('auto', 'cpu', {}, () => Promise.reject(new Error('bug'))),
    /bug/,
  );
});

test('a device that is not there is one line', async () => {
  const reason = async (opening: Promise<unknown>): Promise<string> => {
    const error = await opening.then(
      () => assert.fail('it was opened'),
      (thrown: unknown) => thrown,
    );
    assert.ok(error instanceof UserError, String(error));
    assert.doesNotMatch(error.message, /\n/);
    return error.message;
  };
  const options = { threads: 1, environment: process.env };
  assert.match(
    await reason(openEngine('reference', { ...options, device: 'cuda' })),
    /^--device cuda: engine reference runs on the cpu only; use --engine onnx$/,
  );
});

const module = (path: string): string => JSON.stringify(new URL(`../../src/${path}`, import.meta.url).href);

/** Compiles and runs a small network with two threads and ends like any program: without freeing, with threads waiting. */
const script = `
import { createOnnxEngine } from ${module('engine/onnx/onnx.js')};
import { vanillaNetwork } from ${module('network/vanilla.js')};
import { lower } from ${module('program/lower.js')};
const engine = await createOnnxEngine({ threads: 2, device: 'cpu' });
const network = vanillaNetwork({ channels: 3, height: 16, width: 16 }, 10, [8, 8]);
const session = await engine.compile(lower(network, 16, { kind: 'training', learning: { momentum: 0.9, weightDecay: 0 } }), 'auto');
for (let i = 0; i < 3; i++) await session.run();
`;

/** Prints MiB that 50 compilations, each run twice, leave behind. */
const cycles = `
import { readFileSync } from 'node:fs';
import { createOnnxEngine } from ${module('engine/onnx/onnx.js')};
import { initialTensors } from ${module('network/parameters.js')};
import { vanillaNetwork } from ${module('network/vanilla.js')};
import { lower } from ${module('program/lower.js')};
import { random } from ${module('util/random.js')};
const engine = await createOnnxEngine({ threads: 1, device: 'cpu' });
const network = vanillaNetwork({ channels: 3, height: 32, width: 32 }, 10, [16, 32, 64]);
const program = lower(network, 32, { kind: 'training', learning: { momentum: 0.9, weightDecay: 5e-4 } });
async function cycle() {
  const session = await engine.compile(program, 'auto');
  session.load(initialTensors(network, random('leak')));
  await session.run();
  await session.run();
  session.save();
  session.dispose();
}
function resident() {
  global.gc();
  return Number(/VmRSS:\\s+(\\d+)/.exec(readFileSync('/proc/self/status', 'latin1'))[1]) / 1024;
}
for (let i = 0; i < 10; i++) await cycle();
const before = resident();
for (let i = 0; i < 50; i++) await cycle();
console.log((resident() - before).toFixed(0));
`;

test('sessions give back their memory', { skip: process.platform !== 'linux' }, () => {
  const { stdout, stderr } = spawnSync(process.execPath, ['--expose-gc', '--input-type=module', '-e', cycles], {
    cwd: fileURLToPath(new URL('.', import.meta.url)),
    encoding: 'utf8',
    // What the C library keeps of freed memory is not what is asked here: large pieces go back at once.
    env: { ...process.env, MALLOC_MMAP_THRESHOLD_: '65536', MALLOC_TRIM_THRESHOLD_: '65536' },
  });
  assert.match(stdout, /^-?\d+\n$/, stderr);
  assert.ok(Number(stdout) < 25, `${stdout.trim()} MiB more after 50 compilations`);
});

test('a process that used ONNX Runtime ends without a crash, and says nothing', () => {
  for (let attempt = 0; attempt < 4; attempt++) {
    const { status, signal, stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
      cwd: fileURLToPath(new URL('.', import.meta.url)),
      encoding: 'utf8',
    });
    assert.equal(`${status} ${signal} ${stdout}${stderr}`, '0 null ', stderr);
  }
});
