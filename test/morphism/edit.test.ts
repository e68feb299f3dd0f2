/** Edits as JSON: what is one, and what is not. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Edit, parseEdit } from '../../src/morphism/edit.ts';

const id = fc.nat({ max: 1000 });
const mergeFactor = fc.constantFrom<1 | 2 | 4>(1, 2, 4);
const kernel = fc.constantFrom<3 | 5>(3, 5);

const edits: fc.Arbitrary<Edit> = fc.oneof(
  fc.record({ kind: fc.constant('insert-convolution' as const), after: id, kernel }),
  fc.record({ kind: fc.constant('insert-separable' as const), after: id, kernel }),
  fc.record({ kind: fc.constant('alter-channels' as const), node: id, factor: fc.constantFrom<2 | 4>(2, 4) }),
  fc.record({ kind: fc.constant('merge-convex' as const), first: id, second: id, factor: mergeFactor }),
  fc.record({ kind: fc.constant('merge-concat' as const), first: id, second: id, factor: mergeFactor }),
  fc.record({ kind: fc.constant('split' as const), node: id, alpha: fc.double({ min: 0.01, max: 0.99, noNaN: true }) }),
  fc.record({ kind: fc.constantFrom('drop-block' as const, 'remove-block', 'separate', 'shrink-kernel'), node: id }),
  fc.record({ kind: fc.constant('widen' as const), node: id, more: fc.integer({ min: 1, max: 4096 }) }),
  fc.record({ kind: fc.constant('narrow' as const), node: id, fewer: fc.integer({ min: 1, max: 4096 }) }),
  fc.record({ kind: fc.constant('remove-branch' as const), node: id, input: fc.nat({ max: 64 }) }),
) as fc.Arbitrary<Edit>;

test('an edit survives JSON', () => {
  fc.assert(fc.property(edits, (edit) => assert.deepEqual(parseEdit(JSON.parse(JSON.stringify(edit))), { ...edit })));
});

test('an edit with a member missing, unknown or out of range is none', () => {
  const wrong: readonly unknown[] = [
    undefined,
    {},
    { kind: 'prune', node: 1 },
    { kind: 'split', node: 1 },
    { kind: 'split', node: 1, alpha: 1 },
    { kind: 'split', node: -1, alpha: 0.3 },
    { kind: 'alter-channels', node: 1, factor: 3 },
    { kind: 'alter-channels', node: 1, factor: 2, added: 4 },
    { kind: 'insert-convolution', after: 1, kernel: 4 },
    { kind: 'insert-separable', after: 1.5, kernel: 3 },
    { kind: 'merge-convex', first: 1, second: 2, factor: 0.5 },
    { kind: 'narrow', node: 1, fewer: 0 },
    { kind: 'remove-branch', node: 1, input: -1 },
  ];
  for (const value of wrong) {
    const message = parseEdit(value);
    assert.ok(typeof message === 'string' && message.length > 0 && !message.includes('\n'), JSON.stringify(value));
  }
});
