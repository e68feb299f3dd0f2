/** Distillation: labels are mixed with predictions, a run learns from them, and is the same when it is resumed. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { mixIn } from '../../src/training/teacher.ts';

test('labels stay shares of one, and have the predictions by their share', () => {
  const logit = fc.double({ min: -80, max: 80, noNaN: true });
  fc.assert(
    fc.property(
      fc
        .integer({ min: 1, max: 5 })
        .chain((classes) =>
          fc.array(fc.array(logit, { minLength: classes, maxLength: classes }), { minLength: 1, maxLength: 4 }),
        ),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (rows, share) => {
        const classes = rows[0]?.length ?? 1;
        const logits = Float32Array.from(rows.flat());
        const labels = new Float32Array(logits.length + classes).fill(0);
        rows.forEach((_row, at) => (labels[(at + 1) * classes + (at % classes)] = 1));
        const before = labels.slice();
        mixIn(logits, labels, classes, classes, share);
        assert.deepEqual(labels.subarray(0, classes), before.subarray(0, classes));
        rows.forEach((row, at) => {
          const exact = row.map((value) => Math.exp(Math.fround(value) - Math.max(...row.map(Math.fround))));
          const total = exact.reduce((sum, value) => sum + value, 0);
          let sum = 0;
          exact.forEach((value, label) => {
            const place = (at + 1) * classes + label;
            const expected = (1 - share) * (before[place] as number) + (share * value) / total;
            assert.ok(Math.abs((labels[place] as number) - expected) <= 1e-6);
            sum += labels[place] as number;
          });
          assert.ok(Math.abs(sum - 1) <= 1e-5);
        });
      },
    ),
  );
});
