/**
 * The programs of the paper's vanilla network, as they print: fused, no gradient for the biases before a normalisation, none
 * into the image, each parameter updated once nothing reads it any more.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { vanillaNetwork } from '../../src/network/vanilla.ts';
import { lower } from '../../src/program/lower.ts';
import { printProgram } from '../../src/program/print.ts';
import type { Program } from '../../src/program/program.ts';
import { sha256 } from '../../src/util/hash.ts';
import { canonicalJson } from '../../src/util/json.ts';

const hashProgram = (program: Program): string => sha256(canonicalJson(program));

const vanilla = vanillaNetwork({ channels: 3, height: 32, width: 32 }, 10, [64, 128, 256]);
const learning = { momentum: 0.9, weightDecay: 5e-4 };

const training = `
%21 1/output ← convolution 3×3/1+1(%20 images, %0 1/kernel, %1 1/bias)
%23 2/batch mean, %24 2/batch variance, %25 3/output, %86 3/output mask ← batch-normalization batch relu(%21 1/output, %2 2/scale, %3 2/shift)
%4 2/mean, %5 2/variance ← running-statistics(%23 2/batch mean, %24 2/batch variance)
%26 4/output, %27 4/mask ← max-pool 2×2/2+0(%25 3/output)
%28 5/output ← convolution 3×3/1+1(%26 4/output, %6 5/kernel, %7 5/bias)
%30 6/batch mean, %31 6/batch variance, %32 7/output, %87 7/output mask ← batch-normalization batch relu(%28 5/output, %8 6/scale, %9 6/shift)
%10 6/mean, %11 6/variance ← running-statistics(%30 6/batch mean, %31 6/batch variance)
%33 8/output, %34 8/mask ← max-pool 2×2/2+0(%32 7/output)
%35 9/output ← convolution 3×3/1+1(%33 8/output, %12 9/kernel, %13 9/bias)
%37 10/batch mean, %38 10/batch variance, %39 11/output, %88 11/output mask ← batch-normalization batch relu(%35 9/output, %14 10/scale, %15 10/shift)
%16 10/mean, %17 10/variance ← running-statistics(%37 10/batch mean, %38 10/batch variance)
%40 12/output ← global-average-pool(%39 11/output)
%41 logits ← dense(%40 12/output, %18 13/kernel, %19 13/bias)
%44 loss, %45 logits gradient ← softmax-cross-entropy(%41 logits, %42 labels)
%46 13/kernel/gradient, %48 13/bias/gradient ← dense-gradient-kernel(%40 12/output, %45 logits gradient)
%50 13/gradient of 12 ← dense-gradient-input(%45 logits gradient, %18 13/kernel)
%18 13/kernel, %47 13/kernel/velocity ← update(%46 13/kernel/gradient, %43 rate)
%19 13/bias, %49 13/bias/velocity ← update(%48 13/bias/gradient, %43 rate)
%51 12/gradient of 11 ← global-average-pool-gradient(%50 13/gradient of 12)
%53 10/gradient of 9, %54 10/scale/gradient, %56 10/shift/gradient ← batch-normalization-gradient(%35 9/output, %51 12/gradient of 11, %14 10/scale, %15 10/shift, %37 10/batch mean, %38 10/batch variance, %88 11/output mask)
%14 10/scale, %55 10/scale/velocity ← update(%54 10/scale/gradient, %43 rate)
%15 10/shift, %57 10/shift/velocity ← update(%56 10/shift/gradient, %43 rate)
%58 9/kernel/gradient ← convolution-gradient-kernel 3×3/1+1(%33 8/output, %53 10/gradient of 9)
%62 9/gradient of 8 ← convolution-gradient-input 3×3/1+1(%53 10/gradient of 9, %12 9/kernel)
%12 9/kernel, %59 9/kernel/velocity ← update(%58 9/kernel/gradient, %43 rate)
%63 8/gradient of 7 ← max-pool-gradient 2×2/2+0(%34 8/mask, %62 9/gradient of 8)
%65 6/gradient of 5, %66 6/scale/gradient, %68 6/shift/gradient ← batch-normalization-gradient(%28 5/output, %63 8/gradient of 7, %8 6/scale, %9 6/shift, %30 6/batch mean, %31 6/batch variance, %87 7/output mask)
%8 6/scale, %67 6/scale/velocity ← update(%66 6/scale/gradient, %43 rate)
%9 6/shift, %69 6/shift/velocity ← update(%68 6/shift/gradient, %43 rate)
%70 5/kernel/gradient ← convolution-gradient-kernel 3×3/1+1(%26 4/output, %65 6/gradient of 5)
%74 5/gradient of 4 ← convolution-gradient-input 3×3/1+1(%65 6/gradient of 5, %6 5/kernel)
%6 5/kernel, %71 5/kernel/velocity ← update(%70 5/kernel/gradient, %43 rate)
%75 4/gradient of 3 ← max-pool-gradient 2×2/2+0(%27 4/mask, %74 5/gradient of 4)
%77 2/gradient of 1, %78 2/scale/gradient, %80 2/shift/gradient ← batch-normalization-gradient(%21 1/output, %75 4/gradient of 3, %2 2/scale, %3 2/shift, %23 2/batch mean, %24 2/batch variance, %86 3/output mask)
%2 2/scale, %79 2/scale/velocity ← update(%78 2/scale/gradient, %43 rate)
%3 2/shift, %81 2/shift/velocity ← update(%80 2/shift/gradient, %43 rate)
%82 1/kernel/gradient ← convolution-gradient-kernel 3×3/1+1(%20 images, %77 2/gradient of 1)
%0 1/kernel, %83 1/kernel/velocity ← update(%82 1/kernel/gradient, %43 rate)`;

const evaluation = `
%21 1/output ← convolution 3×3/1+1(%20 images, %0 1/kernel, %1 1/bias)
%23 3/output ← batch-normalization running relu(%21 1/output, %2 2/scale, %3 2/shift, %4 2/mean, %5 2/variance)
%24 4/output ← max-pool 2×2/2+0(%23 3/output)
%25 5/output ← convolution 3×3/1+1(%24 4/output, %6 5/kernel, %7 5/bias)
%27 7/output ← batch-normalization running relu(%25 5/output, %8 6/scale, %9 6/shift, %10 6/mean, %11 6/variance)
%28 8/output ← max-pool 2×2/2+0(%27 7/output)
%29 9/output ← convolution 3×3/1+1(%28 8/output, %12 9/kernel, %13 9/bias)
%31 11/output ← batch-normalization running relu(%29 9/output, %14 10/scale, %15 10/shift, %16 10/mean, %17 10/variance)
%32 12/output ← global-average-pool(%31 11/output)
%33 logits ← dense(%32 12/output, %18 13/kernel, %19 13/bias)`;

test('a training step of the vanilla network', () =>
  assert.equal(`\n${printProgram(lower(vanilla, 128, { kind: 'training', learning }))}`, training));

test('an evaluation of the vanilla network', () =>
  assert.equal(`\n${printProgram(lower(vanilla, 128, { kind: 'evaluation' }))}`, evaluation));

test('a measurement ends behind its last tap', () => {
  const printed = printProgram(lower(vanilla, 128, { kind: 'measurement', taps: [1, 5] }));
  const last = printed.split('\n').slice(-2);
  assert.match(last.join('\n'), /1\/mean, .* ← channel-statistics\(%\d+ 1\/output\)\n.*5\/mean, .*\(%\d+ 5\/output\)$/);
  assert.ok(!printed.includes('9/kernel') && !printed.includes('running'));
});

test('equal networks make equal programs; another batch, decay or purpose makes another', () => {
  const hash = (batch: number, weightDecay: number): string =>
    hashProgram(lower(vanilla, batch, { kind: 'training', learning: { momentum: 0.9, weightDecay } }));
  assert.equal(hash(128, 5e-4), hash(128, 5e-4));
  const hashes = [hash(128, 5e-4), hash(64, 5e-4), hash(128, 0), hashProgram(lower(vanilla, 128, { kind: 'evaluation' }))];
  assert.equal(new Set(hashes).size, 4);
});
