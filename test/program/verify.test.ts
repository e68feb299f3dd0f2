/** The verifier catches each rule that a program can break: a good program, broken in one place. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { vanillaNetwork } from '../../src/network/vanilla.ts';
import { lower } from '../../src/program/lower.ts';
import type { Buffer, BufferId, Program, Step, StepKind, StepOf } from '../../src/program/program.ts';
import { verify } from '../../src/program/verify.ts';
import { must } from '../../src/util/assert.ts';
import { random } from '../../src/util/random.ts';
import { smallRandomNetwork } from '../support/random-networks.ts';

const network = vanillaNetwork({ channels: 3, height: 8, width: 8 }, 5, [4, 6]);
const good = lower(network, 2, { kind: 'training', learning: { momentum: 0.9, weightDecay: 5e-4 } });

const stepOf = <K extends StepKind>(kind: K): StepOf<K> =>
  must(
    good.steps.find((step): step is StepOf<K> => step.kind === kind),
    kind,
  );
const bufferNamed = (name: string): BufferId =>
  must(
    good.buffers.find((buffer) => buffer.name === name),
    name,
  ).id;
const replacing = (step: Step, ...others: readonly Step[]): Program => ({
  ...good,
  steps: good.steps.flatMap((candidate) => (candidate === step ? others : [candidate])),
});
const reshaping = (id: BufferId, change: Partial<Buffer>): Program => ({
  ...good,
  buffers: good.buffers.map((buffer) => (buffer.id === id ? { ...buffer, ...change } : buffer)),
});

const convolution = stepOf('convolution');
const pool = stepOf('max-pool');
const loss = stepOf('softmax-cross-entropy');
const update = must(
  good.steps.find((step): step is StepOf<'update'> => step.kind === 'update' && step.parameter === bufferNamed('5/kernel')),
  'update of the second convolution',
);
const backward = stepOf('convolution-gradient-input');

/** The same in two passes. */
const parts = lower(network, 2, { kind: 'training', learning: { momentum: 0.9, weightDecay: 5e-4 }, passes: 2 });
const [added, closing] = [
  must(
    parts.steps.find((step): step is StepOf<'accumulate'> => step.kind === 'accumulate'),
    'accumulate',
  ),
  must(
    parts.steps.find((step): step is StepOf<'update'> => step.kind === 'update'),
    'update',
  ),
];
const replacedIn = (step: Step, ...others: readonly Step[]): Program => ({
  ...parts,
  steps: parts.steps.flatMap((candidate) => (candidate === step ? others : [candidate])),
});

const isStatistics = ({ kind }: Step): boolean => kind === 'running-statistics';

const broken: readonly (readonly [what: string, program: Program, message: RegExp])[] = [
  ['a buffer out of order', { ...good, buffers: good.buffers.toReversed() }, /buffer 0 is numbered/],
  ['a step left out', replacing(convolution), /reads \d+ before it is written/],
  ['steps in another order', replacing(loss, backward, loss), /before it is written/],
  ['a step twice', replacing(convolution, convolution, convolution), /writes \d+ a second time/],
  ['an input written', replacing(convolution, { ...convolution, output: good.images }), /writes \d+, which is input/],
  ['state written', replacing(convolution, { ...convolution, output: convolution.kernel }), /writes \d+, which is state/],
  ['an update of no state', replacing(update, { ...update, parameter: update.gradient }), /updates \d+, which is not state/],
  ['two updates', replacing(update, update, update), /updates \d+ a second time/],
  ['a parameter read after its update', { ...good, steps: [...good.steps, ...late(backward)] }, /after its update/],
  ['a kernel too wide', reshaping(convolution.kernel, { shape: [4, 3, 5, 5] }), /shape 4×3×5×5 is not 4×3×3×3/],
  ['an output too large', reshaping(pool.output, { shape: [2, 4, 5, 4] }), /shape 2×4×5×4 is not 2×4×4×4/],
  ['a mask too large', reshaping(must(pool.mask, 'mask'), { shape: [2, 4, 8, 8] }), /shape 2×4×8×8 is not 2×4×4×4/],
  ['labels of other classes', reshaping(loss.labels, { shape: [2, 6] }), /shape 2×6 is not 2×5/],
  ['a loss an image', reshaping(loss.loss, { shape: [2] }), /shape 2 is not 1/],
  [
    'a velocity of another shape',
    reshaping(must(update.states['velocity'], 'velocity'), { shape: [6, 4, 3] }),
    /shape 6×4×3 is not/,
  ],
  ['no loss', { ...good, loss: must(good.rate, 'rate') }, /output \d+ is never written/],
  ['logits that are kept for no one', reshaping(must(good.logits, 'logits'), { kind: 'temporary' }), /never written/],
  ['images that no one can write', { ...good, images: convolution.kernel }, /the caller writes \d+, which is state/],
  ['a tap that is not there', { ...good, taps: [{ node: 1, mean: good.images, variance: good.images }] }, /never written/],
  ['state without a name', { ...good, state: good.state.slice(1) }, /state \d+ has no name/],
  ['one name for two', { ...good, state: good.state.map((entry) => ({ ...entry, name: 'x' })) }, /two state entries of one name/],
  ['sums that nothing adds up', replacedIn(added), /before it is written/],
  ['a sum added up twice', replacedIn(added, added, added), /a second time/],
  ['a gradient added to state', replacedIn(added, { ...added, sum: closing.parameter }), /which is not an accumulator/],
  ['an update of a sum', replacedIn(closing, { ...closing, parameter: added.sum }), /which is not state/],
  [
    'an update by the last pass alone',
    replacedIn(closing, { ...closing, gradient: added.gradient }),
    /an update alone reads the sums/,
  ],
  ['sums of one pass', { ...parts, passes: 1 }, /an update alone reads the sums/],
  [
    'a step behind the updates',
    { ...parts, steps: parts.steps.toSorted((a, b) => Number(isStatistics(a)) - Number(isStatistics(b))) },
    /would run in the last pass alone/,
  ],
  ['no such buffer', { ...good, loss: 9999 }, /no buffer 9999/],
];

/** That step at the end, into a buffer of its own. */
function late(step: StepOf<'convolution-gradient-input'>): Step[] {
  return [
    {
      ...step,
      inputGradient: must(
        good.buffers.find((buffer) => buffer.name === '4/output'),
        'output',
      ).id,
    },
  ];
}

test('a good program is good', () => verify(good));

for (const [what, program, message] of broken)
  test(`the verifier sees ${what}`, () => assert.throws(() => verify(program), message));

test('what the lowering makes of random networks is good, for every purpose', () => {
  for (let seed = 0; seed < 60; seed++) {
    const some = smallRandomNetwork(random('verify', seed));
    const taps = [random('tap', seed).pick(some.nodes).id];
    for (const purpose of [
      { kind: 'training', learning: { momentum: 0.9, weightDecay: 0 } },
      { kind: 'training', learning: { momentum: 0.9, weightDecay: 0 }, passes: 4 },
      { kind: 'evaluation' },
      { kind: 'measurement', taps: [] },
      { kind: 'measurement', taps },
    ] as const)
      verify(lower(some, 2, purpose));
  }
});
