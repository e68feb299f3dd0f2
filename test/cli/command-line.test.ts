/** Every way to get the command line wrong: one line on stderr, exit 2, and nothing else. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { runCommandLine } from '../../src/cli/command-line.ts';
import { follow } from '../../src/cli/follow.ts';
import { viewOf } from '../../src/run/display/view.ts';
import { emptyRun } from '../../src/run/record/replay.ts';
import { RunError } from '../../src/util/user-error.ts';
import { newFolder, pretend, until } from './fixtures.ts';

const data = newFolder();
const run = `${data}/run`;
const search = (...options: string[]): string[] => ['search', data, '--run', run, ...options];

const wrong: readonly (readonly [parameters: readonly string[], line: string])[] = [
  [[], "a command is missing ('instar --help' lists them)"],
  [['serch', 'x'], "unknown command 'serch' (Did you mean search?) ('instar --help' explains)"],
  [['search'], "missing required argument 'dataset' ('instar --help' explains)"],
  [['search', 'a', 'b'], "too many arguments for 'search'. Expected 1 argument but got 2. ('instar --help' explains)"],
  [search('--metod', 'sh'), "unknown option '--metod' (Did you mean --method?) ('instar --help' explains)"],
  [search('--budget'), "option '--budget <time>' argument missing ('instar --help' explains)"],
  [search('--budget', '5x'), '--budget 5x: must be a time such as 90s, 30m or 1h30m'],
  [search('--budget', '0'), '--budget 0: must be a time such as 90s, 30m or 1h30m'],
  [
    search('--method', 'darts'),
    '--method darts: must be one of grow, tune, shrink, nash, sh, shr, shrsep, asha, random, vanilla',
  ],
  [search('--preset', 'fast'), '--preset fast: must be one of auto, tune, shrink, paper, laptop, quick'],
  [search('--engine', 'gpu'), '--engine gpu: must be one of auto, onednn, onnx, reference'],
  [search('--device', 'gpu'), '--device gpu: must be one of cpu, webgpu, cuda'],
  [search('--convolution', 'fft'), '--convolution fft: must be one of auto, direct'],
  [search('--workers', '0'), '--workers 0: must be at least 1'],
  [search('--workers', '1.5'), '--workers 1.5: must be a whole number'],
  [search('--image-size', 'big'), '--image-size big: must be a number'],
  [search('--max-params', '2Gx'), '--max-params 2Gx: must be a number such as 500k or 1.5M'],
  [search('--max-params', '2GiB'), '--max-params 2GiB: must be a number such as 500k or 1.5M'],
  [search('--max-macs', '-1'), '--max-macs -1: must be a number such as 500k or 1.5M'],
  [search('--max-memory', 'all'), '--max-memory all: must be a number such as 512M or 2G'],
  [search('--seed', '-1'), '--seed -1: must be at least 0'],
  [search('--seed', '0.5'), '--seed 0.5: must be a whole number'],
  [search('--children', '0'), '--children 0: must be at least 1'],
  [search('--mutations', '0'), '--mutations 0: must be at least 1'],
  [search('--epochs', 'ten'), '--epochs ten: must be a number'],
  [search('--eta', '1'), '--eta 1: must be at least 2'],
  [search('--widths', '8,,9'), '--widths 8,,9: must be numbers such as 32,64,128'],
  [search('--widths', '8,0'), '--widths 8,0: must be at least 1'],
  [search('--from', 'm.onnx', '--widths', '8,8'), '--widths are those of the vanilla network, which --from replaces'],
  [
    search('--from', `${data}/m.onnx`, '--engine', 'reference'),
    `${data}/m.onnx: does not exist (--from takes a model, a run or an address)`,
  ],
  [search('--from', data, '--engine', 'reference'), `${data} holds no run (${data}/config.json is missing)`],
  [search('--batch', '0'), '--batch 0: must be at least 1'],
  [search('--rate', '0'), '--rate 0: must be more than 0'],
  [search('--final-rate', '11'), '--final-rate 11: must be at most 10'],
  [search('--set', 'step.eta'), '--set step.eta: must be a setting and its value, such as step.eta=3'],
  [search('--set', 'step.etta=3'), '--set step.etta=3: there is no setting step.etta; did you mean step.eta?'],
  [search('--set', 'momentum=1'), '--set momentum=1: must be less than 1'],
  [search('--set', 'momentum=fast'), '--set momentum=fast: must be a number'],
  [search('--set', 'baseline=yes'), '--set baseline=yes: must be a boolean'],
  [
    ['search', `${data}/none`, '--engine', 'reference'],
    `${data}/none: neither a path that exists nor the name of a dataset (cifar10, fashion-mnist, mnist)`,
  ],
  [['plan'], "missing required argument 'dataset' ('instar --help' explains)"],
  [['plan', data, '--run', 'x'], "unknown option '--run' ('instar --help' explains)"],
  [['plan', data, '--vanilla', 'x'], "unknown option '--vanilla' ('instar --help' explains)"],
  [['plan', data, '--budget', '5x'], '--budget 5x: must be a time such as 90s, 30m or 1h30m'],
  [['plan', data, '--children', '0'], '--children 0: must be at least 1'],
  [['plan', data, '--set', 'step.etta=3'], '--set step.etta=3: there is no setting step.etta; did you mean step.eta?'],
  [
    ['plan', `${data}/none`, '--engine', 'reference'],
    `${data}/none: neither a path that exists nor the name of a dataset (cifar10, fashion-mnist, mnist)`,
  ],
  [['resume', data], `${data} holds no run (${data}/config.json is missing)`],
  [['resume', data, '--budget', '+soon'], '--budget +soon: must be a time such as 90s, 30m or 1h30m'],
  [['show', data], `${data} holds no run (${data}/config.json is missing)`],
  [['evaluate', data, data], `${data} holds no run (${data}/config.json is missing)`],
  [['evaluate', data, data, '--part', 'train'], '--part train: must be one of test, all'],
  [['predict', `${data}/none`, 'x.png'], `${data}/none: does not exist`],
  [['predict', data, 'x.png', '--top', '0'], '--top 0: must be at least 1'],
  [['predict', data], "missing required argument 'image' ('instar --help' explains)"],
];

for (const [parameters, line] of wrong)
  test(`instar ${parameters.join(' ').replaceAll(data, 'DATA')}`, async () => {
    const { io, out, err } = pretend();
    assert.equal(await runCommandLine(parameters, io), 2);
    assert.equal(err(), `instar: ${line}\n`);
    assert.equal(out(), '');
    assert.ok(!existsSync(run));
  });

test('a bug shows its stack and exits with 1', async () => {
  const { io, err } = pretend({
    on: () => {
      throw new Error('bug: no signals');
    },
  });
  assert.equal(await runCommandLine(['search', data], io), 1);
  assert.match(err(), /^instar: unexpected error[^\n]*\nError: bug: no signals\n {4}at /);
});

test('a failure that is nobody’s mistake is one line and exit 1', async () => {
  const { io, err } = pretend();
  const failing = {
    on: () => {
      throw new RunError('the disk is full');
    },
  };
  assert.equal(await runCommandLine(search('--engine', 'reference'), { ...io, ...failing }), 1);
  assert.equal(err(), 'instar: the disk is full\n');
});

test('what the system refuses is one line and exit 1', async () => {
  const refusal = Object.assign(new Error("EACCES: permission denied, open '/x'"), { code: 'EACCES', syscall: 'open' });
  const { io, err } = pretend({
    on: () => {
      throw refusal;
    },
  });
  assert.equal(await runCommandLine(['search', data], io), 1);
  assert.equal(err(), "instar: EACCES: permission denied, open '/x'\n");
});

test('the first Ctrl-C asks the run to end, the second ends the process', async () => {
  let time = 0;
  const world = pretend({ now: () => time });
  let asked: AbortSignal | undefined;
  const following = follow(world.io, {
    root: run,
    json: false,
    view: viewOf(emptyRun),
    again: [],
    // oxlint-disable-next-line require-yield
    async *start(signal) {
      asked = signal;
      await until(() => world.exits.length > 0);
      signal.throwIfAborted();
    },
  });
  const press = world.handlers.get('SIGINT');
  press?.();
  assert.equal(asked?.aborted, true);
  // A terminal and `timeout` may both send the signal: what comes at once counts as one.
  time += 50;
  press?.();
  assert.deepEqual(world.exits, []);
  time += 1000;
  assert.throws(() => press?.(), /the process has ended/);
  assert.deepEqual(world.exits, [130]);
  assert.equal(await following, 130);
  assert.match(world.err(), /before the run began; nothing was written/);
  assert.equal(world.handlers.size, 0);
});
