/** The live display and the plain lines: goldens of a run made by hand, and what holds at any size of the screen. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { linesFor } from '../../src/run/display/wording.ts';
import { render } from '../../src/cli/render.ts';
import { summary } from '../../src/cli/summary.ts';
import { columnsOf } from '../../src/cli/text.ts';
import { emptyView, observe } from '../../src/run/display/view.ts';
import { config, items, viewAt } from './scene.ts';

const draw = (name: string, width: number, height: number, colour = false): string[] =>
  render({ ...viewAt(name), config, root: 'runs/first', notice: null }, { width, height, colour });

const golden = (name: string, width: number, height: number, expected: string): void => {
  const drawn = draw(name, width, height).join('\n');
  assert.equal(drawn, expected.slice(1).trimEnd(), `\n${drawn}`);
};

test('the vanilla network in training', () =>
  golden(
    'vanilla',
    110,
    36,
    `
instar digits · shr · runs/first                                                                6s, ~6:11 left
vanilla network, 4 epochs                                                                       1,525 images/s

  network   valid.              loss  param. mul-adds  epoch
● vanilla   41.0 % ▄           1.900   1.5 k    282 k   2/4 ▕████    ▏

lineage  vanilla 41.0 %
`,
  ));

test('a child that has had its epochs of the rung is trained', () =>
  golden(
    'half a rung',
    80,
    24,
    `
instar digits · shr · runs/first                                21s, ~12:33 left
step 1 of 2, rung 1 of 3  ▸4×1  2×2  1×4                          1,500 images/s

  child     valid.            loss  param. mul-adds epoch      operators
✓ s1c0      72.0 % ▄         1.000   1.4 k    290 k trained    unchanged
● s1c1           –           1.300   2.7 k    580 k ▕████    ▏ widen×2
· s1c2           –               –   3.0 k    1.5 M waits      conv5 split
· s1c3           –               –   2.0 k    750 k waits      conv3

lineage  vanilla 71.2 %
`,
  ));

test('a rung of a step', () =>
  golden(
    'second rung',
    110,
    36,
    `
instar digits · shr · runs/first                                                               36s, ~8:59 left
step 1 of 2, rung 2 of 3   4×1 ▸2×2  1×4                                                        1,013 images/s

  child     valid.              loss  param. mul-adds  epoch           operators
✓ s1c0      72.0 % ▄           1.000   1.4 k    290 k  promoted        unchanged
✗ s1c1      71.0 % ▄           1.050   2.7 k    580 k  dropped         widen×2
! s1c2           –                 –   3.0 k    1.5 M  lost            conv5 split
● s1c3      75.0 % ▁█          0.930   2.0 k    750 k   2/2 ▕████    ▏ conv3

lineage  vanilla 71.2 %
file     vanilla 14 KiB; on 600 validation images logits within 2e-7, accuracy 71.2 %, same as the engine; 0.…
! s1c2 lost: diverged: the loss became NaN at minibatch 7
`,
  ));

test('the same on a narrow terminal', () =>
  golden(
    'second rung',
    60,
    24,
    `
instar digits · shr · runs/first             36s, ~8:59 left
step 1 of 2, rung 2 of 3   4×1 ▸2×2  1×4      1,013 images/s

  child     valid.          param. epoch    operators
✓ s1c0      72.0 % ▄         1.4 k promoted unchanged
✗ s1c1      71.0 % ▄         2.7 k dropped  widen×2
! s1c2           –           3.0 k lost     conv5 split
● s1c3      75.0 % ▁█        2.0 k ▕███   ▏ conv3

lineage  vanilla 71.2 %
file     vanilla 14 KiB; on 600 validation images logits wi…
! s1c2 lost: diverged: the loss became NaN at minibatch 7
`,
  ));

test('the same on a low terminal: what was dropped gives way', () =>
  golden(
    'second rung',
    80,
    8,
    `
instar digits · shr · runs/first                                 36s, ~8:59 left
step 1 of 2, rung 2 of 3   4×1 ▸2×2  1×4                          1,013 images/s
  child     valid.            loss  param. mul-adds epoch      operators
✓ s1c0      72.0 % ▄         1.000   1.4 k    290 k promoted   unchanged
● s1c3      75.0 % ▁█        0.930   2.0 k    750 k ▕████    ▏ conv3
  … and 2 more
lineage  vanilla 71.2 %
`,
  ));

test('a step that has ended', () =>
  golden(
    'selected',
    80,
    24,
    `
instar digits · shr · runs/first                                1:10, ~8:06 left
step 1 of 2  4×1  2×2  1×4

  child     valid.            loss  param. mul-adds epoch      operators
✗ s1c0      73.0 % ▁█        0.950   1.4 k    290 k dropped    unchanged
✗ s1c1      71.0 % ▄         1.050   2.7 k    580 k dropped    widen×2
! s1c2           –               –   3.0 k    1.5 M lost       conv5 split
★ s1c3      80.0 % ▁▂▃█      0.800   2.0 k    750 k winner     conv3

lineage  vanilla 71.2 % → s1c3 80.0 %
file     vanilla 14 KiB; on 600 validation images logits within 2e-7, accuracy …
! s1c2 lost: diverged: the loss became NaN at minibatch 7
`,
  ));

test('the final training', () =>
  golden(
    'final',
    110,
    36,
    `
instar digits · shr · runs/first                                                              1:25, ~1:54 left
final training of s1c3                                                                            600 images/s

  network   valid.              loss  param. mul-adds  epoch
● final          – ▄           0.700   2.0 k    750 k  2/10 ▕████    ▏

lineage  vanilla 71.2 % → s1c3 80.0 %
file     vanilla 14 KiB; on 600 validation images logits within 2e-7, accuracy 71.2 %, same as the engine; 0.…
! s1c2 lost: diverged: the loss became NaN at minibatch 7
`,
  ));

test('the test is read, the baseline follows', () =>
  golden(
    'tested',
    80,
    24,
    `
instar digits · shr · runs/first                                 2:42, ~51s left
baseline: the vanilla network, trained for the same epochs

  network   valid.            loss  param. mul-adds epoch
✓ final          – █▁        0.500   2.0 k    750 k trained
· baseline       –               –   1.5 k    282 k waits

lineage  vanilla 71.2 % → s1c3 80.0 %
test     final 84.2 %
file     vanilla 14 KiB; on 600 validation images logits within 2e-7, accuracy …
! s1c2 lost: diverged: the loss became NaN at minibatch 7
`,
  ));

test('with colours the text is the same', () => {
  // oxlint-disable-next-line no-control-regex
  const plain = draw('second rung', 110, 36, true).map((line) => line.replaceAll(/\u001b\[[\d;]*m/g, '').trimEnd());
  assert.deepEqual(plain, draw('second rung', 110, 36));
  assert.notDeepEqual(draw('second rung', 110, 36, true), plain);
});

test('at any size and moment: every line fits, there is room for the cursor, no control characters', () => {
  const property = fc.property(
    fc.integer({ min: 20, max: 200 }),
    fc.integer({ min: 3, max: 50 }),
    fc.integer({ min: 0, max: items.length }),
    fc.option(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 80 }), { nil: null }),
    (width, height, heard, notice) => {
      const view = items.slice(0, heard).reduce((before, { item, t }) => observe(before, item, t), emptyView);
      const name = notice ?? 'digits';
      const told = { ...config, data: { ...config.data, name } };
      const now = (items[heard - 1]?.t ?? 0) + 1;
      const lines = render({ view, config: told, root: name, now, notice: 'stopping' }, { width, height, colour: false });
      assert.ok(lines.length <= height - 1, `${lines.length} lines for ${height}`);
      assert.ok(lines.at(-1) === 'stopping');
      for (const line of lines) {
        assert.ok(columnsOf(line) <= width, `${columnsOf(line)} columns for ${width}: ${line}`);
        // oxlint-disable-next-line no-control-regex
        assert.doesNotMatch(line, /[\u0000-\u001f\u007f]/);
      }
    },
  );
  fc.assert(property, { numRuns: 400 });
});

test('plain lines: one per event that means something', () => {
  const lines: string[] = [];
  items.reduce((before, { item, t }) => {
    const view = observe(before, item, t);
    if (item.type !== 'progress') lines.push(...linesFor(item, view, config));
    return view;
  }, emptyView);
  const text = lines.join('\n');
  assert.equal(text, expectedLines.slice(1).trimEnd(), `\n${text}`);
});

test('the summary says how right the winner is, what it is compared with, and where it lies', () => {
  const { view } = viewAt('tested');
  const stopped = summary(view.run, config, 'runs/a b', "instar resume 'runs/a b'", false).join('\n');
  assert.match(stopped, /^Stopped after 2:42; the best network so far is s1c3, grown in 1 step\n/);
  assert.match(stopped, /\n  resume     instar resume 'runs\/a b'\n/);
  const done = items.reduce((before, { item, t }) => observe(before, item, t), emptyView);
  const text = summary(done.run, config, 'runs/first', 'instar resume runs/first', false).join('\n');
  assert.equal(text, expectedSummary.slice(1).trimEnd(), `\n${text}`);
});

const expectedLines = `
[0s] vanilla network: 1.5 k parameters, 282 k multiply-adds
[4s] vanilla: epoch 1, loss 1.900, validation 41.0 %
[8s] vanilla: epoch 2, loss 1.400, validation 58.0 %
[12s] vanilla: epoch 3, loss 1.200, validation 66.0 %
[16s] vanilla: epoch 4, loss 1.100, validation 71.2 %
[16s] step 1: 4 children of vanilla, rungs 4×1 2×2 1×4
[16s]   s1c0: unchanged; 1.4 k parameters, 290 k multiply-adds
[16s]   s1c1: widen 1 ×2; 2.7 k parameters, 580 k multiply-adds
[16s]   s1c2: insert conv 5×5 after 3, split 3 at 0.3; 3.0 k parameters, 1.5 M multiply-adds
[16s]   s1c3: insert conv 3×3 after 3; 2.0 k parameters, 750 k multiply-adds
[25s] s1c2 is lost (diverged): the loss became NaN at minibatch 7
[28s] step 1, rung 1 of 3: s1c3 74.0 %, s1c0 72.0 %; dropped: s1c1 71.0 %
[31s] best.onnx (vanilla): 14 KiB; on 600 validation images logits within 2e-7, accuracy 71.2 %, same as the engine; 0.1 ms an image, 2.1 ms for 100, 1 thread
[50s] step 1, rung 2 of 3: s1c3 76.0 %; dropped: s1c0 73.0 %
[1:10] step 1, rung 3 of 3: s1c3 80.0 %
[1:10] step 1: s1c3 wins with 80.0 %; 2.0 k parameters, 750 k multiply-adds
[1:10] search ended (step limit reached); final training of s1c3, 2.0 k parameters, 750 k multiply-adds
[1:10] final: 600 minibatches, learning rate from 0.025
[1:20] final: epoch 1, loss 0.700
[2:40] final: epoch 10, loss 0.500
[2:42] final: test accuracy 84.2 %, loss 0.550 (test evaluation 1)
[2:42] baseline: 54 minibatches, learning rate from 0.01
`;

const expectedSummary = `
Done in 2:50: s1c3, grown in 1 step
  test       84.2 % accuracy on the test images
  size       2,002 parameters, 750 k multiply-adds an image
  lineage    vanilla 71.2 % → s1c3 80.0 %
  front      3 networks of 1.4 k to 2.0 k parameters: instar front runs/first
  data       all 6,000 training images, 600 of them to compare networks; 1,000 test images
  files      runs/first/best.onnx         to deploy: pixels in, class probabilities out
             runs/first/best.safetensors  to train further: the network and its weights
             runs/first/best.json         to read: its layers, classes and normalisation
  see it     instar show runs/first
  use it     instar predict runs/first IMAGE…
  to improve allow more steps and epochs: --steps, --epochs and --final-epochs, or --budget
             average over mirror images, without further training: instar predict runs/first IMAGE --views flips
`;
