/** Figures as numbers: what they draw is what the run has. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { svgFile } from '../../src/report/figure.ts';
import { agreementsOf } from '../../src/report/figures/agreement.ts';
import { figuresOf, listFigures } from '../../src/report/figures.ts';
import { classAccuracies } from '../../src/report/figures/classes.ts';
import { finalSeries } from '../../src/report/figures/final.ts';
import { ratesOf } from '../../src/report/figures/learning-rate.ts';
import { measuredCandidates } from '../../src/report/figures/size.ts';
import { byStatus } from '../../src/report/figures/step.ts';
import { curveOf, searchedCandidates } from '../../src/report/figures/validation.ts';
import { childrenOf, competes, startOf, detailsOf } from '../../src/report/run-details.ts';
import { methodNames, methods } from '../../src/search/methods/table.ts';
import { formatRungs, planRungs } from '../../src/search/rungs.ts';
import { candidateOf, validationOf } from '../../src/search/state.ts';
import { lineage, minibatchesOf } from '../../src/search/state.ts';
import { must } from '../../src/util/assert.ts';
import { formatPercent } from '../../src/util/words.ts';
import { grownRun } from './grown.ts';

const small = { steps: 2, children: 4, epochs: 24, mutations: 2 } as const;
const details = detailsOf(grownRun({ ...small, baseline: true }));
const { search } = details.state;
const count = (text: string, pattern: RegExp): number => text.match(pattern)?.length ?? 0;

test('Figure 1: each rung begins at the rate and ends at nothing under SHR; SH goes on where it was', () => {
  const { settings } = details;
  const rungs = planRungs(settings);
  assert.ok(typeof rungs !== 'string');
  const shr = ratesOf({ ...settings, method: 'shr' }, rungs);
  assert.deepEqual(
    shr.map((points) => [points[0]?.x, points[0]?.y, Number(points.at(-1)?.y.toFixed(12))]),
    [
      [0, 0.01, 0],
      [2, 0.01, 0],
      [6, 0.01, 0],
    ],
  );
  const sh = ratesOf({ ...settings, method: 'sh' }, rungs).flat();
  assert.equal(sh[0]?.y, 0.01);
  assert.ok(Math.abs(must(sh.at(-1), 'end').y) < 1e-12);
  sh.forEach((point, index) => assert.ok(index === 0 || point.y <= must(sh[index - 1], 'before').y + 1e-12, 'it only falls'));
  assert.equal(must(sh.at(-1), 'end').x, 14);
});

test('Figures 2 and 3: the winner first, every measured accuracy written, a cross where each was dropped', () => {
  const climbing = detailsOf(grownRun({ ...small, method: 'nash' }));
  for (const [each, how, rungs] of [
    [details, 'by successive halving', 3],
    [climbing, 'by hill climbing', 1],
  ] as const) {
    assert.equal(each.state.search.steps.length, 2);
    for (const step of each.state.search.steps) {
      const children = byStatus(childrenOf(each, step));
      assert.equal(children[0]?.candidate.id, step.winner);
      assert.equal(children[0]?.accuracies.length, rungs);
      const figure = must(figuresOf(each).steps[step.step - 1], 'figure');
      assert.ok(figure.title.endsWith(how), figure.title);
      const text = figure.narrow.content.text;
      for (const { accuracies } of children)
        for (const accuracy of accuracies) if (accuracy !== null) assert.ok(text.includes(`>${formatPercent(accuracy)}<`));
      assert.equal(count(text, /class="cross"/g), children.length - 1);
      assert.equal(count(text, /class="star"/g), 1);
    }
  }
});

test('Figure 4: a line a network; each begins where its parent stood, at the step’s first epoch', () => {
  const lines = searchedCandidates(details);
  assert.equal(lines.length, 1 + 2 * 4);
  for (const line of lines.filter(({ parent }) => parent !== null)) {
    const points = curveOf(details, line);
    assert.equal(points.length, line.epochs.length + 1);
    assert.deepEqual(points[0], {
      x: startOf(details, line.parent),
      y: validationOf(search, must(line.parent, 'parent'))?.accuracy,
    });
    assert.equal(points.at(-1)?.x, startOf(details, line.parent) + line.epochs.length);
  }
  const figure = must(figuresOf(details).validation, 'figure');
  for (const drawing of [figure.narrow, must(figure.wide, 'wide')]) {
    assert.equal(count(drawing.content.text, /<path\s+class="line dropped"/g), lines.length - details.winners.size);
    assert.equal(count(drawing.content.text, /<path\s+class="line won"/g), details.winners.size);
    for (const [, x, y] of drawing.content.text.matchAll(/translate\((-?[\d.]+) (-?[\d.]+)\)/g))
      assert.ok(Number(x) >= 0 && Number(x) <= drawing.width && Number(y) >= 0 && Number(y) <= drawing.height);
  }
});

test('accuracy against parameters: a mark a measured network', () => {
  const figure = must(figuresOf(details).size, 'figure');
  assert.equal(measuredCandidates(details).length, 9);
  assert.equal(count(figure.narrow.content.text, /translate\(/g), 9);
  assert.equal(count(figure.narrow.content.text, /class="star"/g), details.winners.size);
});

test('rank correlations: of rung 1 with rung 2 only the survivors, two of four, so pairs and no coefficient', () => {
  const agreements = agreementsOf(details);
  assert.deepEqual(
    agreements.map(({ from, to, steps }) => [from, to, steps.map(({ before }) => before.length)]),
    [['rung 1', 'rung 2', [2, 2]]],
  );
  for (const { steps, pooled } of agreements) {
    assert.ok(steps.every(({ kendall, spearman }) => kendall === null && spearman === null));
    assert.equal(pooled.concordant + pooled.discordant + pooled.tied, 2);
  }
});

test('a child within a rung: in brackets where it stands, and not compared with those at its end', () => {
  const at = (id: string, epoch: number): number =>
    details.entries.findIndex((entry) => entry.type === 'epoch' && entry.line === id && entry.epoch === epoch) + 1;
  const [first, second] = (search.steps[1]?.rungs[0]?.survivors ?? []) as [string, string];
  // Whichever comes to the end of the second rung later.
  const later = at(first, 6) > at(second, 6) ? first : second;
  const cut = detailsOf(grownRun({ ...small, baseline: true, until: at(later, 5) }));
  const step = must(cut.state.search.steps[1], 'step');
  const child = must(
    childrenOf(cut, step).find(({ candidate }) => candidate.id === later),
    later,
  );
  assert.deepEqual(
    child.accuracies.map((accuracy) => accuracy !== null),
    [true, false, false],
  );
  const { accuracy } = must(child.unfinished, 'where it stands');
  assert.deepEqual([child.unfinished?.rung, child.unfinished?.epochs], [1, 3]);
  assert.equal(accuracy, candidateOf(cut.state.search, later).epochs.at(-1)?.validation?.accuracy);
  assert.deepEqual(
    agreementsOf(cut).map(({ steps }) => steps.map((each) => each.step)),
    [[1]],
  );
  const figure = must(figuresOf(cut).steps[1], 'figure');
  assert.ok(figure.narrow.content.text.includes(`>(${formatPercent(accuracy)})<`));
  assert.ok(figure.alternative.includes(`${formatPercent(accuracy)} after 3 epochs of rung 2`));
});

test('rank correlations of hill climbing: all children, early epochs against the end', () => {
  const nash = detailsOf(grownRun({ ...small, method: 'nash', epochs: 64 }));
  const agreements = agreementsOf(nash);
  assert.deepEqual(
    agreements.map(({ from, to }) => `${from} → ${to}`),
    [
      'epoch 2 → epoch 4',
      'epoch 2 → epoch 8',
      'epoch 2 → the end',
      'epoch 4 → epoch 8',
      'epoch 4 → the end',
      'epoch 8 → the end',
    ],
  );
  for (const { to, steps } of agreements)
    for (const { before, after, kendall, step } of steps) {
      assert.equal(before.length, 4);
      assert.ok(kendall !== null);
      if (to !== 'the end') continue;
      const ends = must(nash.state.search.steps[step - 1], 'step').children.map(
        (id) => validationOf(nash.state.search, id)?.accuracy,
      );
      assert.deepEqual(after, ends);
    }
});

test('final training: the baseline’s last epochs beside the winner’s', () => {
  const series = finalSeries(details);
  assert.deepEqual(
    series.map(({ id, points }) => [id, points.length]),
    [
      ['final', 30],
      ['baseline', 30],
    ],
  );
  const baseline = candidateOf(search, 'baseline').epochs;
  assert.ok(baseline.length > 30);
  assert.equal(series[1]?.points.at(-1)?.y, baseline.at(-1)?.loss);
});

test('classes: a share each, nothing said of one without images', () => {
  assert.deepEqual(
    classAccuracies(
      ['a', 'b'],
      [
        [3, 1],
        [0, 0],
      ],
    ).map(({ name, right, count: images, share }) => [name, right, images, share]),
    [
      ['a', 3, 4, 0.75],
      ['b', 0, 0, null],
    ],
  );
});

test('each figure is a file of its own: a title, a style for dark and light, no attribute style, nothing from elsewhere', () => {
  const figures = listFigures(figuresOf(details));
  assert.deepEqual(
    figures.map(({ name }) => name),
    ['family', 'learning-rate', 'step-1', 'step-2', 'validation', 'size', 'front', 'operators', 'agreement', 'final', 'classes'],
  );
  for (const figure of figures) {
    const file = svgFile(figure);
    assert.ok(file.startsWith('<svg xmlns="http://www.w3.org/2000/svg"'), figure.name);
    assert.ok(file.includes(`<title>${figure.title}</title>`));
    assert.match(file, /prefers-color-scheme:dark/);
    assert.doesNotMatch(file, /\sstyle=|NaN|undefined|Infinity|https?:(?!\/\/www\.w3\.org\/2000\/svg)/);
  }
});

test('a run that goes on is drawn as far as it has come', () => {
  const all = grownRun(small).entries.length;
  for (const until of [3, 10, 26, 40, 60, all - 5]) {
    const going = detailsOf(grownRun({ ...small, until }));
    for (const figure of listFigures(figuresOf(going)))
      assert.doesNotMatch(svgFile(figure), /NaN|undefined|Infinity/, `${figure.name} at ${until}`);
  }
});

test('asha: each child has its epochs, the step a figure without a number of the paper, and no rung has a barrier', () => {
  const asha = detailsOf(grownRun({ method: 'asha', steps: 2, children: 8, epochs: 48 }));
  const { entries, rungs } = asha;
  assert.equal(formatRungs(rungs), '8×3 4×3 2×6');
  assert.ok(entries.every(({ type }) => type !== 'rung'));
  // A child is promoted while another is still in the rung before.
  const firstOf = (rung: number): number => entries.findIndex((entry) => entry.type === 'promotion' && entry.rung === rung);
  assert.ok(firstOf(1) < entries.findLastIndex((entry) => entry.type === 'promotion' && entry.step === 1 && entry.rung === 0));
  const figures = figuresOf(asha);
  for (const step of asha.state.search.steps) {
    const children = childrenOf(asha, step);
    for (const { candidate, accuracies, status } of children) {
      const entered = step.promotions.filter((each) => each.candidate === candidate.id).map(({ rung }) => rung);
      assert.deepEqual(
        accuracies.flatMap((accuracy, rung) => (accuracy === null ? [] : [rung])),
        entered,
      );
      if (candidate.id !== step.winner) assert.deepEqual(status, { kind: 'dropped', rung: Math.max(...entered) });
    }
    assert.equal(byStatus(children)[0]?.accuracies.filter((accuracy) => accuracy !== null).length, rungs.length);
    const figure = must(figures.steps[step.step - 1], 'figure');
    assert.match(figure.title, /by asynchronous successive halving$/);
    assert.doesNotMatch(String(figure.caption), /Figure/);
    assert.equal(figure.narrow.content.text.match(/class="cross"/g)?.length, 7);
  }
  const rates = must(figures.learningRate, 'figure');
  assert.match(rates.alternative, /ASHA \(this run\): 8×3 4×3 2×6/);
  assert.equal(rates.narrow.content.text.match(/class="line dash-dot won"\s+d=/g)?.length, 3);
  // Two candidates reach the end of a step, so its order can be compared.
  assert.ok(agreementsOf(asha).some(({ from, to }) => from === 'rung 2' && to === 'the end'));
});

test('Figure 1: each competing method by its own learning rate, methods with the same one together', () => {
  const text = must(figuresOf(details).learningRate, 'figure').alternative;
  for (const method of methodNames.filter((name) => competes(name) && !methods[name].continuous)) {
    const { label } = methods[method];
    assert.ok(text.includes(label) || method === 'shrsep', label);
  }
  const random = must(figuresOf(detailsOf(grownRun({ ...small, method: 'random' }))).learningRate, 'figure');
  assert.match(random.alternative, /random growth \(this run\): 1×2 1×4 1×8/);
});

test('of a search that is one training: its schedule, over the minibatches of the winner and its ancestors', () => {
  const run = detailsOf(grownRun({ ...small, method: 'grow' }));
  const figure = must(figuresOf(run).learningRate, 'figure');
  const minibatches = lineage(run.state.search, 'final').reduce((sum, { id }) => sum + minibatchesOf(run.state.search, id), 0);
  assert.match(figure.alternative, new RegExp(`over the ${minibatches} minibatches`));
  assert.doesNotMatch(String(figure.caption), /Figure 1/);
});
