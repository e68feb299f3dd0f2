/** What is said of classes and probabilities, against the definitions, computed otherwise; and CSV. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { classMeasures, meanMeasures } from '../../src/report/class-measures.ts';
import { csvAddress, csvCell, csvLink, csvName, csvOf } from '../../src/report/csv.ts';
import { atThresholds, classCurveSvgs } from '../../src/report/figures/judgement.ts';
import { html } from '../../src/report/markup.ts';
import {
  takenAt,
  bestTemperature,
  binCount,
  calibrationOf,
  classCurves,
  curveOf,
  probabilitiesOf,
  type Predictions,
} from '../../src/report/judgement.ts';
import { random } from '../../src/util/random.ts';

const near = (a: number, b: number, within = 1e-9): void => assert.ok(Math.abs(a - b) <= within, `${a} and ${b}`);

/** Scores with many ties, and labels. */
const scored = fc.array(fc.record({ score: fc.integer({ min: 0, max: 20 }).map((n) => n / 20), isOf: fc.boolean() }), {
  minLength: 1,
  maxLength: 60,
});

test('the area is the probability that an image of the class has the higher score, ties by half (Mann & Whitney 1947)', () => {
  fc.assert(
    fc.property(scored, (items) => {
      const curve = curveOf(
        items.map(({ score }) => score),
        items.map(({ isOf }) => isOf),
      );
      const [own, others] = [items.filter(({ isOf }) => isOf), items.filter(({ isOf }) => !isOf)];
      assert.deepEqual([curve.positives, curve.negatives], [own.length, others.length]);
      if (own.length === 0 || others.length === 0) return assert.equal(curve.area, null);
      let wins = 0;
      for (const a of own) for (const b of others) wins += a.score > b.score ? 1 : a.score === b.score ? 0.5 : 0;
      return near(curve.area ?? NaN, wins / (own.length * others.length));
    }),
  );
});

test('average precision is the mean, over the images of the class, of the precision where each is taken', () => {
  fc.assert(
    fc.property(scored, (items) => {
      const curve = curveOf(
        items.map(({ score }) => score),
        items.map(({ isOf }) => isOf),
      );
      const own = items.filter(({ isOf }) => isOf);
      if (own.length === 0) return assert.equal(curve.averagePrecision, null);
      const precisions = own.map(({ score }) => {
        const taken = items.filter((each) => each.score >= score);
        return taken.filter(({ isOf }) => isOf).length / taken.length;
      });
      return near(curve.averagePrecision ?? NaN, precisions.reduce((a, b) => a + b, 0) / own.length);
    }),
  );
});

test('what is taken at a threshold is what has at least that probability', () => {
  fc.assert(
    fc.property(scored, fc.double({ min: 0, max: 1, noNaN: true }), (items, threshold) => {
      const curve = curveOf(
        items.map(({ score }) => score),
        items.map(({ isOf }) => isOf),
      );
      const taken = items.filter(({ score }) => score >= threshold);
      const { truePositives, falsePositives } = takenAt(curve, threshold);
      assert.equal(truePositives, taken.filter(({ isOf }) => isOf).length);
      assert.equal(falsePositives, taken.length - truePositives);
      for (const each of atThresholds(curve)) {
        const all = items.filter(({ score }) => score >= each.threshold);
        assert.equal(each.precision === null ? 0 : each.truePositives + each.falsePositives, all.length);
      }
    }),
  );
});

/** Logits of random labels, whose right one is higher by `edge`. */
function predictionsOf(seed: number, images: number, classes: number, edge: number, scale = 1): Predictions {
  const stream = random('predictions', seed);
  const labels = Array.from({ length: images }, () => stream.integer(classes));
  const logits = Float32Array.from({ length: images * classes }, (_none, index) => {
    const isRight = labels[Math.floor(index / classes)] === index % classes;
    return scale * (stream.normal() + (isRight ? edge : 0));
  });
  return { classes, labels, logits };
}

test('calibration: bins hold all images, the error is by its definition, and a network that draws labels by its probabilities has little', () => {
  fc.assert(
    fc.property(fc.nat(1000), fc.integer({ min: 2, max: 6 }), (seed, classes) => {
      const predictions = predictionsOf(seed, 200, classes, 1);
      const { bins, error, loss } = calibrationOf(predictions);
      assert.equal(bins.length, binCount);
      assert.equal(
        bins.reduce((sum, { images }) => sum + images, 0),
        200,
      );
      const all = predictions.labels.map((label, image) => {
        const probabilities = probabilitiesOf(predictions, image);
        const confidence = Math.max(...probabilities);
        return { confidence, right: probabilities.indexOf(confidence) === label, ownLoss: -Math.log(probabilities[label] ?? 0) };
      });
      const expected = bins.map(({ from, to }) => {
        const inside = all.filter(({ confidence }) => confidence >= from && (confidence < to || to === 1));
        const surplus = inside.reduce((sum, { confidence, right }) => sum + Number(right) - confidence, 0);
        return Math.abs(surplus) / all.length;
      });
      near(
        error,
        expected.reduce((a, b) => a + b, 0),
      );
      near(loss, all.reduce((sum, { ownLoss }) => sum + ownLoss, 0) / all.length, 1e-6);
    }),
    { numRuns: 30 },
  );
  // Labels drawn by the probabilities themselves.
  const stream = random('drawn');
  const { logits } = predictionsOf(7, 20_000, 3, 0, 1.5);
  const labels = Array.from({ length: 20_000 }, (_none, image) => {
    let rest = stream.float();
    const probabilities = probabilitiesOf({ classes: 3, labels: [], logits }, image);
    return Math.max(
      0,
      probabilities.findIndex((probability) => (rest -= probability) < 0),
    );
  });
  const drawn = { classes: 3, labels, logits };
  assert.ok(calibrationOf(drawn).error < 0.015, String(calibrationOf(drawn).error));
  near(bestTemperature(drawn), 1, 0.05);
  // Twice the logits are twice too sure.
  const sure = { ...drawn, logits: logits.map((logit) => 2 * logit) };
  assert.ok(calibrationOf(sure).error > 0.05);
  near(bestTemperature(sure), 2, 0.1);
});

test('curves of all classes, with many images and with none, are drawn in bounds', () => {
  for (const predictions of [predictionsOf(1, 3000, 4, 2), predictionsOf(2, 1, 2, 0), predictionsOf(3, 5, 5, 1)])
    for (const curve of classCurves(predictions)) {
      const { roc, precision } = classCurveSvgs(curve);
      for (const { content } of [roc, precision]) {
        assert.doesNotMatch(content.text, /NaN|Infinity|undefined/);
        assert.ok(content.text.length < 20_000, 'thinned');
      }
    }
});

test('precision, recall and F1 of a matrix, by class and in the mean', () => {
  const measures = classMeasures([
    [8, 2, 0],
    [1, 9, 0],
    [0, 0, 0],
  ]);
  assert.deepEqual(
    measures.map(({ images, right, predicted }) => [images, right, predicted]),
    [
      [10, 8, 9],
      [10, 9, 11],
      [0, 0, 0],
    ],
  );
  assert.deepEqual([measures[2]?.precision, measures[2]?.recall, measures[2]?.f1], [null, null, null]);
  near(measures[0]?.precision ?? 0, 8 / 9);
  near(measures[0]?.f1 ?? 0, (2 * (8 / 9) * 0.8) / (8 / 9 + 0.8));
  near(meanMeasures(measures, 'class')?.recall ?? 0, 0.85);
  assert.equal(meanMeasures([], 'class'), null);
  fc.assert(
    fc.property(fc.array(fc.array(fc.nat(20), { minLength: 3, maxLength: 3 }), { minLength: 3, maxLength: 3 }), (confusion) => {
      const mean = meanMeasures(classMeasures(confusion), 'image');
      const all = confusion.flat().reduce((a, b) => a + b, 0);
      const right = confusion.reduce((sum, row, index) => sum + (row[index] ?? 0), 0);
      // Weighted by images, recall is accuracy.
      if (all > 0) near(mean?.recall ?? NaN, right / all);
    }),
  );
});

/** Reads CSV by RFC 4180. */
function readCsv(text: string): string[][] {
  const rows: string[][] = [[]];
  for (const [, quoted, plain, end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/g)) {
    rows.at(-1)?.push(quoted === undefined ? (plain ?? '') : quoted.replaceAll('""', '"'));
    if (end === '\r\n') rows.push([]);
  }
  return rows.slice(0, -1);
}

test('CSV is read as it was written; no cell is a formula; numbers stay numbers', () => {
  fc.assert(
    fc.property(fc.array(fc.array(fc.string({ unit: 'binary' }), { minLength: 2, maxLength: 4 }), { minLength: 1 }), (rows) => {
      const read = readCsv(csvOf(rows));
      assert.equal(read.length, rows.length);
      for (const [at, cells] of rows.entries()) {
        assert.equal(read[at]?.length, cells.length);
        for (const [index, cell] of cells.entries()) {
          const text = read[at]?.[index] ?? '';
          assert.ok(!/^[=+\-@]/.test(text) || Number.isFinite(Number(text)), text);
          const plain = cell
            .replaceAll(/\p{Surrogate}/gu, '\ufffd')
            .replaceAll(/\s+/g, ' ')
            .trim();
          if (!/^[−\d]/.test(plain)) assert.ok(text === plain || text === `'${plain}`, `${text} of ${cell}`);
        }
      }
      assert.doesNotThrow(() => csvAddress(rows));
    }),
  );
  assert.equal(csvCell('−1.5'), '-1.5');
  assert.equal(csvCell('-2'), '-2');
  assert.equal(csvCell('1,234,567'), '1234567');
  assert.equal(csvOf([['1,23']]), '"1,23"\r\n');
  assert.equal(csvCell('=1+1'), "'=1+1");
  assert.equal(csvCell(html`<a href="x">A &amp; ${'<b>'}</a><small>more</small>`), 'A & <b> more');
  assert.equal(csvName('Measures by class!'), 'measures-by-class.csv');
  assert.equal(csvName('…'), 'table.csv');
  assert.match(
    csvLink('x', [['a"b', '<script>']]).text,
    /^<a class="csv" download="x\.csv" href="data:text\/csv;charset=utf-8,%EF%BB%BF/,
  );
});
