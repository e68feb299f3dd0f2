/** The loss and the update: loops in JavaScript, and primitives for linear updates of large parameters. */
import { accessOf } from '../../../program/access.ts';
import type { Assignment, Expression } from '../../../program/expression.ts';
import { bufferOf, operandsOf, type BufferId, type StepOf } from '../../../program/program.ts';
import { must } from '../../../util/assert.ts';
import type { Builder } from '../builder.ts';
import type { Region } from '../commands.ts';
import { argument, query } from '../constants.ts';
import { numberUpdater, updater } from '../elementwise.ts';
import type { Layout } from '../native.ts';
import { kernelGradientLayout } from './convolution.ts';
import { denseGradientKernel } from './dense.ts';
import { flat, key, scaled, type Rows } from './rows.ts';

/** The layout in which the gradient of a parameter arrives, so that the update needs no reorder. */
export function parameterLayout(b: Builder, update: StepOf<'update'>): Layout {
  const { steps } = b.program;
  // Of several passes, what they add up.
  const added = steps.find((step): step is StepOf<'accumulate'> => step.kind === 'accumulate' && step.sum === update.gradient);
  const gradient = added?.gradient ?? update.gradient;
  const writer = steps.find((step) => accessOf(step).writes.includes(gradient));
  if (writer?.kind === 'convolution-gradient-kernel' && writer.kernelGradient === gradient)
    return kernelGradientLayout(b, writer);
  if (writer?.kind === 'dense-gradient-kernel' && writer.kernelGradient === gradient)
    return b.wants(denseGradientKernel(b, writer), query.weightsGradient, gradient);
  return b.plain(gradient);
}

/**
 * The sum of −Σ labels·log softmax(logits), and its gradient, over `images`, of which `batch` are there; (batch, classes), row-major.
 */
function softmaxCrossEntropy(
  [logits, labels, loss, gradient]: readonly [Float32Array, Float32Array, Float32Array, Float32Array],
  batch: number,
  images: number,
): void {
  const classes = logits.length / batch;
  let total = 0;
  for (let row = 0; row < batch; row++) {
    const start = row * classes;
    let largest = Number.NEGATIVE_INFINITY;
    for (let i = start; i < start + classes; i++) largest = Math.max(largest, logits[i] as number);
    let sum = 0;
    for (let i = start; i < start + classes; i++) sum += Math.exp((logits[i] as number) - largest);
    const logSum = Math.log(sum) + largest;
    for (let i = start; i < start + classes; i++) {
      const logProbability = (logits[i] as number) - logSum;
      const label = labels[i] as number;
      if (label !== 0) total -= label * logProbability;
      gradient[i] = (Math.exp(logProbability) - label) / images;
    }
  }
  loss[0] = total / images;
}

export const learning = {
  'softmax-cross-entropy'(s, b) {
    const logits = b.read(s.logits, b.plain(s.logits));
    const labels = b.read(s.labels, b.plain(s.labels));
    const loss = b.write(s.loss, b.plain(s.loss));
    const gradient = b.write(s.gradient, b.plain(s.gradient));
    const batch = bufferOf(b.program, s.logits).shape[0] as number;
    b.script('softmax cross-entropy', [logits, labels, loss, gradient], (view) => {
      const views = [view(logits), view(labels), view(loss), view(gradient)] as const;
      return () => softmaxCrossEntropy(views, batch, batch * (s.passes ?? 1));
    });
  },

  accumulate(s, b) {
    const written = b.home(s.gradient);
    const layout = written.blocked ? written : b.plain(s.gradient);
    const gradient = b.read(s.gradient, layout);
    const sum = b.write(s.sum, layout);
    if (layout.blocked && layout.bytes / 4 >= manyParameters)
      addUp(b, flat(b, layout), sum, [
        [1, sum],
        [1, gradient],
      ]);
    else
      b.script('accumulate', [gradient, sum], (view) => {
        const [from, to] = [view(gradient), view(sum)];
        return () => {
          for (let i = 0; i < to.length; i++) to[i] = (to[i] as number) + (from[i] as number);
        };
      });
  },

  update(s, b) {
    const layout = b.home(s.parameter);
    const linear = layout.bytes / 4 >= manyParameters && layout.blocked ? linearUpdate(b, s) : null;
    if (linear === null) updateHere(b, s, layout);
    else updateNatively(b, s, linear, layout);
  },
} satisfies Rows;

/** The size from which the library's primitives (which use all threads) are faster than loops in JavaScript. */
const manyParameters = 2048;

function updateHere(b: Builder, s: StepOf<'update'>, layout: Layout): void {
  const shapeOf = (id: BufferId): string => bufferOf(b.program, id).shape.join();
  const layoutOf = (id: BufferId): Layout => (shapeOf(id) === shapeOf(s.parameter) ? layout : b.plain(id));
  const regions = Object.entries(operandsOf(s)).map(([name, id]) => [name, b.read(id, layoutOf(id))] as const);
  b.script(
    'update',
    regions.map(([, region]) => region),
    (view) => updater(s, new Map(regions.map(([name, region]) => [name, view(region)]))),
  );
}

/** Σ coefficient·operand. */
type Terms = readonly (readonly [coefficient: number, operand: string])[];

/** target ← Σ, or target ← target − factor·rate·Σ. */
interface LinearStep {
  readonly target: string;
  readonly terms: Terms;
  readonly factor: number | null;
}

function termsOf(value: Expression): Terms | null {
  if (typeof value === 'number') return null;
  if (typeof value === 'string') return value === 'rate' ? null : [[1, value]];
  if (value.kind === 'sum') {
    const all = value.of.map(termsOf);
    return all.every((terms) => terms !== null) ? all.flat() : null;
  }
  const [first, second] = value.of;
  if (value.kind !== 'product' || typeof first !== 'number' || second === undefined) return null;
  return termsOf(second)?.map(([coefficient, operand]) => [first * coefficient, operand] as const) ?? null;
}

/** The constant that multiplies the rate. */
function factorOf(value: Expression | undefined): number | null {
  if (value === 'rate') return 1;
  if (typeof value !== 'object' || value.kind !== 'product' || value.of[1] !== 'rate') return null;
  return typeof value.of[0] === 'number' ? value.of[0] : null;
}

function linearStep({ target, value }: Assignment): LinearStep | null {
  const terms = termsOf(value);
  if (terms !== null)
    return terms.filter(([, operand]) => operand === target).length > 1 ? null : { target, terms, factor: null };
  if (typeof value !== 'object' || value.kind !== 'difference' || value.of[0] !== target) return null;
  const change = value.of[1];
  if (typeof change !== 'object' || change.kind !== 'product') return null;
  const factor = factorOf(change.of[0]);
  const direction = termsOf(change.of[1] ?? 0);
  return factor === null || direction === null ? null : { target, terms: direction, factor };
}

/** An update in two parts that do not read each other: of tensors of one shape, and of numbers. */
interface LinearUpdate {
  readonly steps: readonly LinearStep[];
  readonly numbers: readonly Assignment[];
}

const namesIn = (value: Expression): readonly string[] =>
  typeof value === 'string' ? [value] : typeof value === 'number' ? [] : value.of.flatMap(namesIn);

/** The parts of an update that is without bounds and linear over tensors of one shape; otherwise null. */
function linearUpdate(b: Builder, s: StepOf<'update'>): LinearUpdate | null {
  if (s.bounds !== null) return null;
  const states = Object.entries(s.states).filter(([, id]) => bufferOf(b.program, id).shape.join() === '1');
  const scalars = new Set(states.map(([name]) => name));
  const all = [...s.assignments, ...(s.after ?? [])];
  const numbers = all.filter(({ target }) => scalars.has(target));
  const steps = all.filter(({ target }) => !scalars.has(target)).map(linearStep);
  const apart =
    numbers.every(({ value }) => namesIn(value).every((name) => scalars.has(name))) &&
    steps.every((step) => step?.terms.every(([, operand]) => !scalars.has(operand)));
  return apart && steps.every((step) => step !== null) ? { steps, numbers } : null;
}

function updateNatively(b: Builder, s: StepOf<'update'>, { steps, numbers }: LinearUpdate, layout: Layout): void {
  const row = flat(b, layout);
  const operands = operandsOf(s);
  updateNumbers(b, operands, numbers);
  const regionOf = (name: string): Region => b.read(must(operands[name], name), layout);
  for (const { target, terms, factor } of steps) {
    const [only, ...others] = terms;
    const bare = factor !== null && others.length === 0 && only?.[0] === 1 && only[1] !== target;
    const result = bare ? regionOf(only[1]) : factor === null ? regionOf(target) : b.scratch(layout.bytes);
    const added = terms.map(([coefficient, operand]) => [coefficient, regionOf(operand)] as const);
    if (!bare) addUp(b, row, result, added);
    if (factor !== null) scaled(b, result, descentOf(b, s.rate, factor), regionOf(target), layout, true);
  }
}

function updateNumbers(b: Builder, operands: Readonly<Record<string, BufferId>>, numbers: readonly Assignment[]): void {
  if (numbers.length === 0) return;
  const names = new Set(numbers.flatMap(({ target, value }) => [target, ...namesIn(value)]));
  const regions = [...names].map((name) => {
    const id = must(operands[name], name);
    return [name, b.read(id, b.plain(id))] as const;
  });
  b.script(
    'update of numbers',
    regions.map(([, region]) => region),
    (view) => numberUpdater(numbers, new Map(regions.map(([name, region]) => [name, view(region)]))),
  );
}

/** result = Σ coefficient·region. */
function addUp(
  b: Builder,
  row: Layout,
  result: Region,
  terms: readonly (readonly [coefficient: number, region: Region])[],
): void {
  // The library requires that the destination, if it is a source, is the first one.
  const ordered = terms.toSorted(([, first], [, second]) => Number(second === result) - Number(first === result));
  const scales = ordered.map(([coefficient]) => coefficient);
  const primitive = b.once(key('sum', row.number, ...scales), () =>
    b.describe({ kind: 'sum', scales, sources: scales.map(() => row.descriptor), destination: row.descriptor }),
  );
  const sources = ordered.map(([, region], index) => [argument.multipleSource + index, region, row] as const);
  b.run('update sum', primitive, [...sources, [argument.destination, result, row]]);
}

/** −factor·rate, computed once in a run. */
const descentOf = (b: Builder, rate: BufferId, factor: number): Region =>
  b.once(key('descent', rate, factor), () => {
    const source = b.read(rate, b.plain(rate));
    const result = b.scratch(4);
    b.script('descent', [source, result], (view) => {
      const [from, to] = [view(source), view(result)];
      return () => void (to[0] = -factor * (from[0] as number));
    });
    return result;
  });
