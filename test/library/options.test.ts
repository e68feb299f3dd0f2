/** Arguments of the library: whatever is wrong with them is one line of a UserError, before anything is read. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import * as instar from '../../src/index.ts';
import { UserError, type ErrorCode } from '../../src/util/user-error.ts';

const first = async (items: AsyncGenerator<unknown>): Promise<unknown> => (await items.next()).value;

/** Of a place that does not exist, so that whatever passes the checks ends there. */
const nowhere = '/nowhere/at/all';

interface Called {
  readonly call: (options: never) => Promise<unknown>;
  /** With these, the call gets as far as that nothing is there. */
  readonly right: Readonly<Record<string, unknown>>;
  readonly names: readonly string[];
}

const network = ['engine', 'pixels', 'mean', 'std', 'fit', 'maxMemory', 'timeout', 'signal', 'onData'];
const asked = [
  'preset budget settings workers threads engine device convolution from pixels mean std dataFolder labels labelColumn',
  'imageSize background fit strict signal patience onData dataset',
].flatMap((line) => line.split(' '));
const calls: Readonly<Record<string, Called>> = {
  search: {
    call: (options) => first(instar.search(options)),
    right: { dataset: nowhere, engine: 'reference' },
    names: [...asked, 'elsewhere', 'vanilla', 'run'],
  },
  plan: {
    call: (options) => instar.plan(options),
    right: { dataset: nowhere, engine: 'reference' },
    names: [...asked, 'onMeasuring'],
  },
  resume: {
    call: (options) => first(instar.resume(nowhere, options)),
    right: {},
    names: ['budget', 'mixed', 'data', 'elsewhere', 'signal', 'patience', 'onData'],
  },
  load: {
    call: (options) => instar.load(`${nowhere}.onnx`, options),
    right: {},
    names: network.filter((name) => name !== 'engine'),
  },
  evaluate: {
    call: (options) => instar.evaluate(nowhere, nowhere, options),
    right: {},
    names: [...network, 'part', 'views', 'labels', 'labelColumn', 'dataFolder'],
  },
  exportModel: {
    call: (options) => instar.exportModel(nowhere, options),
    right: { onnx: '/tmp/x.onnx' },
    names: ['onnx', 'tflite', 'numbers', 'step', 'child', 'views', 'signal'],
  },
  report: { call: (options) => instar.report(nowhere, options), right: {}, names: ['out', 'figures'] },
};

const codes: readonly ErrorCode[] = [
  'INSTAR_UNKNOWN_OPTION',
  'INSTAR_MISSING_OPTION',
  'INSTAR_WRONG_OPTION',
  'INSTAR_NOT_FOUND',
  'INSTAR_WRONG_INPUT',
];

async function failureOf(call: Called['call'], options: unknown): Promise<UserError> {
  try {
    await call(options as never);
  } catch (error) {
    assert.ok(
      error instanceof UserError,
      `${JSON.stringify(options, (_key, value: unknown) => (typeof value === 'bigint' ? String(value) : value))}: ${String(error)}`,
    );
    assert.ok(!error.message.includes('\n') && error.message.length < 1000, error.message);
    assert.ok(codes.includes(error.code), error.code);
    return error;
  }
  return assert.fail('nothing was wrong');
}

/** What no option takes. */
const strange = fc.oneof(
  fc.constantFrom<unknown>(null, NaN, Symbol('x'), () => 1, 1n, new Date(0), new Map()),
  fc.anything({ maxDepth: 1 }).filter((value) => typeof value === 'object' && !Array.isArray(value)),
);

test('search and resume check their arguments when they are called, before any item is asked for', () => {
  const wrong = { message: /bananas/, code: 'INSTAR_UNKNOWN_OPTION' };
  assert.throws(() => instar.search({ dataset: nowhere, bananas: 1 } as never), wrong);
  assert.throws(() => instar.resume(nowhere, { bananas: 1 } as never), wrong);
  assert.throws(() => instar.resume(5 as never), UserError);
  // What is right waits for the first item: nothing has been read yet.
  for (const items of [instar.search({ dataset: nowhere }), instar.resume(nowhere)])
    assert.equal(typeof items[Symbol.asyncIterator], 'function');
});

for (const [name, { call, right, names }] of Object.entries(calls)) {
  test(`${name}: what is right gets as far as that nothing is there`, async () => {
    assert.equal((await failureOf(call, right)).code, 'INSTAR_NOT_FOUND');
    const absent = Object.fromEntries(names.filter((each) => !(each in right)).map((each) => [each, undefined]));
    assert.equal((await failureOf(call, { ...right, ...absent })).code, 'INSTAR_NOT_FOUND');
  });

  test(`${name}: options that are no object`, async () => {
    for (const options of [null, 5, '', 'x', true, [], () => 1, Symbol('x'), 1n]) {
      const { code, message } = await failureOf(call, options);
      assert.deepEqual([code, message], ['INSTAR_WRONG_OPTION', 'options: must be an object']);
    }
  });

  test(`${name}: an option that does not exist is named, and the nearest suggested`, () =>
    fc.assert(
      fc.asyncProperty(
        fc.oneof(fc.string({ minLength: 1 }), fc.constantFrom('constructor', 'toString', 'json', 'onRun')),
        async (key) => {
          fc.pre(!names.includes(key) && !key.includes('\n') && key !== '__proto__');
          const { code, message } = await failureOf(call, { ...right, [key]: 1 });
          // Some are settings, which is said.
          assert.ok(code === 'INSTAR_UNKNOWN_OPTION' || message.includes('is a setting'), message);
          assert.ok(message.includes(key), message);
        },
      ),
      { numRuns: 50 },
    ));

  test(`${name}: a value of no kind that an option takes is refused by its name`, () =>
    fc.assert(
      fc.asyncProperty(fc.constantFrom(...names), strange, async (key, value) => {
        // Groups are objects, and listeners functions.
        fc.pre(!(['settings', 'elsewhere'].includes(key) && typeof value === 'object' && value !== null));
        fc.pre(!(/^on[A-Z]/.test(key) && typeof value === 'function'));
        const { code, message } = await failureOf(call, { ...right, [key]: value });
        assert.equal(code, 'INSTAR_WRONG_OPTION', `${key}: ${message}`);
        assert.ok(message.startsWith(`${key}: `), message);
      }),
      { numRuns: 100 },
    ));

  test(`${name}: any value at all ends in one line`, () =>
    fc.assert(
      fc.asyncProperty(
        fc.dictionary(fc.constantFrom(...names), fc.anything({ maxDepth: 2 }), { maxKeys: 3 }),
        // What engine is chosen would open it.
        async (options) =>
          void (await failureOf(call, { ...right, ...options, ...('engine' in right ? { engine: 'reference' } : {}) })),
      ),
      { numRuns: 100 },
    ));
}

test('ranges, choices, and what must be there', async () => {
  const { search, resume, evaluate, load, exportModel, report, plan } = calls as Readonly<Record<string, Called>>;
  const dataset = nowhere;
  for (const [called, options, code, wanted] of [
    [search, { dataset, preset: 'laptopp' }, 'INSTAR_WRONG_OPTION', /^preset: must be one of .*; did you mean laptop\?$/],
    [plan, { dataset, budget: '30 parsecs' }, 'INSTAR_WRONG_OPTION', /^budget: must be a time such as 90s, 30m or 1h30m$/],
    [search, { dataset, budget: -1 }, 'INSTAR_WRONG_OPTION', /^budget: must be more than 0$/],
    [search, { dataset, budget: Infinity }, 'INSTAR_WRONG_OPTION', /^budget: must be a number$/],
    [search, { dataset, workers: 0 }, 'INSTAR_WRONG_OPTION', /^workers: must be at least 1$/],
    [search, { dataset, std: [1, 0, 1] }, 'INSTAR_WRONG_OPTION', /^std: must be more than 0$/],
    [search, { dataset, settings: { method: 'nassh' } }, 'INSTAR_WRONG_OPTION', /^settings: method: .*; did you mean nash\?$/],
    [search, { dataset, elsewhere: { queue: 'redis://h' } }, 'INSTAR_MISSING_OPTION', /^elsewhere: store is missing$/],
    [search, {}, 'INSTAR_MISSING_OPTION', /^dataset: is missing/],
    [search, { dataset: 'a\0b' }, 'INSTAR_WRONG_OPTION', /^dataset: must not hold a zero character$/],
    [resume, { budget: '+ 10' }, 'INSTAR_WRONG_OPTION', /^budget: must be a time/],
    [evaluate, { part: 'train' }, 'INSTAR_WRONG_OPTION', /^part: must be one of test, all$/],
    [evaluate, { views: 'flip' }, 'INSTAR_WRONG_OPTION', /^views: .*; did you mean flips\?$/],
    [load, { maxMemory: '2 elephants' }, 'INSTAR_WRONG_OPTION', /^maxMemory: must be a number such as 512M or 2G$/],
    [load, { timeout: 0 }, 'INSTAR_WRONG_OPTION', /^timeout: must be more than 0$/],
    [load, { engine: 'onnx' }, 'INSTAR_WRONG_OPTION', /does not apply to an \.onnx file/],
    [exportModel, {}, 'INSTAR_MISSING_OPTION', /^onnx: is missing/],
    [exportModel, { onnx: 'x.onnx', numbers: 'int8' }, 'INSTAR_WRONG_OPTION', /^numbers: is for tflite, which is missing$/],
    [exportModel, { tflite: 'x.tflite', numbers: 'int4' }, 'INSTAR_WRONG_OPTION', /^numbers: /],
    [exportModel, { tflite: 'x.tflite', views: 'flips' }, 'INSTAR_WRONG_OPTION', /^views: .* a TensorFlow Lite file does not$/],
    [exportModel, { onnx: 'x.onnx', step: -1 }, 'INSTAR_WRONG_OPTION', /^step: must be at least 0$/],
    [report, { out: true }, 'INSTAR_WRONG_OPTION', /^out: must be a string$/],
    [report, { out: '' }, 'INSTAR_WRONG_OPTION', /^out: must not be empty$/],
  ] as const) {
    const failure = await failureOf((called as Called).call, options);
    assert.match(failure.message, wanted);
    assert.equal(failure.code, code, failure.message);
  }
  for (const [budget, seconds] of [
    ['90s', 90],
    ['1h30m', 5400],
  ] as const)
    for (const { call, right } of [search, plan, resume] as readonly Called[])
      assert.equal((await failureOf(call, { ...right, budget })).code, 'INSTAR_NOT_FOUND', String(seconds));
});

test('arguments of their own: paths', async () => {
  for (const value of [null, 5, '', 'a\0b', {}, () => 1, Symbol('x')])
    for (const [name, call] of [
      ['run', () => first(instar.resume(value as never))],
      ['run', () => instar.exportModel(value as never, { onnx: 'x.onnx' })],
      ['run', () => instar.report(value as never)],
      ['network', () => instar.load(value as never)],
      ['network', () => instar.evaluate(value as never, 'x')],
      ['data', () => instar.evaluate('x', value as never)],
      ['folder', () => instar.runs(value as never)],
    ] as const) {
      const { code, message } = await failureOf(call, undefined);
      assert.equal(code, 'INSTAR_WRONG_OPTION', message);
      assert.ok(message.startsWith(`${name}: must `), message);
    }
  assert.equal((await failureOf(() => instar.load(undefined as never), 0)).code, 'INSTAR_MISSING_OPTION');
  assert.equal((await failureOf(() => instar.report([] as never), 0)).code, 'INSTAR_MISSING_OPTION');
  assert.equal((await failureOf(() => instar.runs(nowhere), 0)).code, 'INSTAR_NOT_FOUND');
  assert.match((await failureOf(() => instar.report(['x', null] as never), 0)).message, /^run\[1\]: must be a string$/);
  assert.match(
    (await failureOf(() => instar.load('https://example.org/x.onnx#x'), 0)).message,
    /^network: must end with #sha256=/,
  );
});
