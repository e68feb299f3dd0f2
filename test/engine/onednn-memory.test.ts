/** The oneDNN engine's memory: what it holds, that nothing depends on what lay there before, and that it is given back. */
import assert from 'node:assert/strict';
import { before as beforeAll, describe, test } from 'node:test';
import type { Region } from '../../src/engine/onednn/commands.ts';
import { createOneDnnEngine, type OneDnnEngine, type OneDnnSession } from '../../src/engine/onednn/onednn.ts';
import { place, planPlacement, type Placement } from '../../src/engine/onednn/placement.ts';
import { freeze, type Layer, type Network } from '../../src/network/network.ts';
import { convolution, epsilon, maxPool, vanillaNetwork } from '../../src/network/vanilla.ts';
import { lower, type Purpose } from '../../src/program/lower.ts';
import type { Program } from '../../src/program/program.ts';
import { koffi } from '../../src/util/koffi.ts';
import { random } from '../../src/util/random.ts';
import { withoutOneDnn } from '../support/machine.ts';
import { smallRandomNetwork } from '../support/random-networks.ts';
import { fillInputs, randomState } from '../support/single-steps.ts';

/** Regions that live together and lie behind each other. */
const regionsOf = (...bytes: readonly number[]): readonly Region[] =>
  bytes.map((each) => ({ bytes: each, place: 'arena', first: 0, last: 1 }));
const placementOf = (regions: readonly Region[]): Placement =>
  planPlacement({ commands: [], inPass: 0, afterLoad: [], regions, homes: new Map(), outputs: new Map() }, 0);

test('memory of more than 4 GiB: each region is seen whole, apart from the others, and none is larger', () => {
  const sizes = [2 ** 32 - 64, 3 * 2 ** 30, 2 ** 30, 64];
  const regions = regionsOf(...sizes);
  const placed = place(placementOf(regions), false);
  // Pages that nothing touches are not there.
  regions.forEach((region, index) => {
    const bytes = placed.bytes(region);
    assert.equal(bytes.length, region.bytes);
    assert.deepEqual([bytes.at(0), bytes.at(-1)], [0, 0]);
    bytes.set([index + 1], 0);
    bytes.set([index + 1], bytes.length - 1);
    assert.equal(Number(koffi.address(bytes) % 64n), 0);
  });
  regions.forEach((region, index) => {
    const bytes = placed.bytes(region);
    assert.deepEqual([bytes.at(0), bytes.at(-1)], [index + 1, index + 1]);
    // What the library is given.
    assert.equal(koffi.decode(koffi.address(bytes), 'uint8'), index + 1);
  });
  placed.release();
  assert.throws(() => placementOf(regionsOf(2 ** 32)), /^Error: a tensor of 4294967296 bytes .* use a smaller --batch$/);
});

let engine: OneDnnEngine;
const training: Purpose = { kind: 'training', learning: { momentum: 0.9, weightDecay: 5e-4 } };
const purposes: readonly Purpose[] = [
  training,
  { ...training, passes: 2 },
  { kind: 'evaluation' },
  { kind: 'measurement', taps: [] },
];

/** Every kind of layer, on tensors of that many channels. */
function ofWidth(width: number): Network {
  const layers: readonly (readonly [Layer, ...number[]])[] = [
    [{ kind: 'image', shape: { channels: 3, height: 9, width: 9 } }],
    [convolution(width, 3), 0],
    [{ kind: 'batch-normalization', epsilon }, 1],
    [{ kind: 'relu' }, 2],
    [{ kind: 'depthwise', kernel: 3, stride: 1, padding: 1, bias: true }, 3],
    [{ kind: 'relu' }, 4],
    [{ kind: 'add' }, 3, 5],
    [convolution(width, 1), 6],
    [{ kind: 'convex' }, 6, 7],
    [{ kind: 'concat' }, 3, 8],
    [maxPool(2), 9],
    [convolution(width + 3, 3), 10],
    [{ kind: 'batch-normalization', epsilon }, 11],
    [{ kind: 'relu' }, 12],
    [{ kind: 'global-average-pool' }, 13],
    [{ kind: 'dense', features: 5 }, 14],
  ];
  return freeze(layers.map(([layer, ...inputs], id) => ({ id, layer, inputs })));
}

/** So many blocks on small tensors. */
function ofDepth(blocks: number): Network {
  const block: readonly Layer[] = [convolution(16, 3), { kind: 'batch-normalization', epsilon }, { kind: 'relu' }];
  const layers: readonly Layer[] = [
    { kind: 'image', shape: { channels: 3, height: 4, width: 4 } },
    ...Array.from({ length: blocks }, () => block).flat(),
    { kind: 'global-average-pool' },
    { kind: 'dense', features: 3 },
  ];
  return freeze(layers.map((layer, id) => ({ id, layer, inputs: id === 0 ? [] : [id - 1] })));
}

/** State and outputs after two steps, each begun with `before`. */
async function twoSteps(network: Network, purpose: Purpose, before: (session: OneDnnSession) => void): Promise<unknown> {
  const program = lower(network, 3, purpose);
  const results: unknown[] = [];
  for (const algorithms of ['direct', 'auto'] as const) {
    const session = await engine.compile(program, algorithms);
    session.load(randomState(program, random('memory')));
    for (const step of [1, 2])
      for (let pass = 0; pass < (program.passes ?? 1); pass++) {
        fillInputs(session, random('memory', step, pass));
        before(session);
        await session.run(pass);
      }
    const outputs = program.buffers.filter(({ kind }) => kind === 'output').map(({ id }) => session.output(id).slice());
    results.push(session.save(), outputs);
    for (const output of outputs) assert.ok(output.every(Number.isFinite));
    session.dispose();
  }
  return results;
}

const cycle = async (program: Program): Promise<void> => {
  const session = await engine.compile(program, 'auto');
  session.load(randomState(program, random('leak')));
  await session.run();
  session.save();
  session.dispose();
};

/** MiB outside of JavaScript's own objects. */
const resident = (): number => {
  const { rss, heapTotal } = process.memoryUsage();
  return (rss - heapTotal) / 2 ** 20;
};

describe('memory', { skip: withoutOneDnn() }, () => {
  beforeAll(() => (engine = createOneDnnEngine({ threads: 1, environment: process.env })));

  test('nothing depends on what lay in the arena before: 1 to 40 channels', async () => {
    for (let width = 1; width <= 40; width++) {
      const network = ofWidth(width);
      const clean = await twoSteps(network, training, () => undefined);
      const poisoned = await twoSteps(network, training, (session) => session.poison());
      assert.deepEqual(poisoned, clean, `${width} channels`);
    }
  });

  test('nor on random networks, nor where nothing learns', async () => {
    for (let seed = 0; seed < 8; seed++) {
      const network = smallRandomNetwork(random('poison', seed));
      for (const purpose of purposes) {
        const clean = await twoSteps(network, purpose, () => undefined);
        const poisoned = await twoSteps(network, purpose, (session) => session.poison());
        assert.deepEqual(poisoned, clean, `seed ${seed}, ${purpose.kind}`);
      }
    }
  });

  test('bytes are those of its three parts, and buffers share the arena', async () => {
    const network = vanillaNetwork({ channels: 3, height: 32, width: 32 }, 10, [64, 128, 256]);
    const program = lower(network, 16, training);
    const session = await engine.compile(program, 'auto');
    assert.deepEqual(engine.measure(program, 'auto'), session.memory);
    const { kept, arena, scratchpad } = session.memory;
    assert.equal(session.bytes, kept + arena + scratchpad);
    // Forward activations alone: 2 × 64·32² + 64·16² + 2 × 128·16² + 128·8² + 2 × 256·8² floats an image.
    const activations = 4 * 16 * (2 * 64 * 1024 + 64 * 256 + 2 * 128 * 256 + 128 * 64 + 2 * 256 * 64);
    assert.ok(arena < 1.3 * activations, `${arena} bytes, activations ${activations}`);
    session.dispose();
  });

  test('a profile names every command and runs them', async () => {
    const program = lower(ofWidth(16), 2, training);
    const [first, second] = [await engine.compile(program, 'auto'), await engine.compile(program, 'auto')];
    for (const session of [first, second]) {
      session.load(randomState(program, random('profile')));
      fillInputs(session, random('profile'));
    }
    let clock = 0;
    const timings = first.profile(() => clock++);
    await second.run();
    assert.deepEqual(first.save(), second.save());
    assert.ok(timings.some(({ label, implementation }) => label === 'convolution' && implementation.length > 3));
    assert.ok(timings.some(({ label, implementation }) => label === 'update' && implementation === 'script'));
    assert.ok(timings.every(({ milliseconds }) => milliseconds === 1));
    for (const session of [first, second]) session.dispose();
  });

  test('a session that was disposed of is not used', async () => {
    const session = await engine.compile(lower(ofWidth(4), 2, training), 'auto');
    session.dispose();
    await assert.rejects(session.run(), /bug: a session is used after/);
    assert.throws(() => session.save(), /bug: a session is used after/);
  });

  test('sessions give back their memory, and what the library holds for them', async () => {
    // Large tensors and few primitives; small tensors and many primitives (some 10 KiB each, were they kept).
    const wide = lower(vanillaNetwork({ channels: 3, height: 32, width: 32 }, 10, [32, 64, 64]), 32, training);
    const deep = lower(ofDepth(30), 1, training);
    for (const [program, times] of [
      [wide, 50],
      [deep, 40],
    ] as const) {
      for (let i = 0; i < 10; i++) await cycle(program);
      const before = resident();
      for (let i = 0; i < times; i++) await cycle(program);
      const grown = resident() - before;
      assert.ok(grown < 25, `${grown.toFixed(0)} MiB more after ${times} compilations`);
    }
  });
});
