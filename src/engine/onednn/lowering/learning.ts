/** The loss and the update: loops of ours, and two primitives where there is much to update. */
import { accessOf } from '../../../program/access.ts';
import { bufferOf, type BufferId, type StepOf } from '../../../program/program.ts';
import type { Block, Builder } from '../builder.ts';
import { argument, query } from '../constants.ts';
import { clamp, descend, softmaxCrossEntropy } from '../kernels.ts';
import type { Layout } from '../native.ts';
import { kernelGradientLayout } from './convolution.ts';
import { denseGradientKernel } from './dense.ts';
import { flat, key, scaled, type Rows } from './rows.ts';

/** The layout in which the gradient of a parameter arrives, so that the update needs no reorder. */
export function parameterLayout(b: Builder, update: StepOf<'sgd'>): Layout {
  const writer = b.program.steps.find((step) => accessOf(step).writes.includes(update.gradient));
  if (writer?.kind === 'convolution-gradient-kernel' && writer.kernelGradient === update.gradient)
    return kernelGradientLayout(b, writer);
  if (writer?.kind === 'dense-gradient-kernel' && writer.kernelGradient === update.gradient)
    return b.wants(denseGradientKernel(b, writer), query.weightsGradient, update.gradient);
  return b.plain(update.gradient);
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
      return () => softmaxCrossEntropy(...views, batch);
    });
  },

  sgd(s, b) {
    const layout = b.home(s.parameter);
    if (layout.bytes / 4 >= manyParameters && layout.blocked && !s.clamp) descendNatively(b, s, layout);
    else descendHere(b, s, layout);
  },
} satisfies Rows;

/** From so many numbers on, two primitives (which use all threads) are faster than our loop. */
const manyParameters = 2048;

function descendHere(b: Builder, s: StepOf<'sgd'>, layout: Layout): void {
  const parameter = b.read(s.parameter, layout);
  const gradient = b.read(s.gradient, layout);
  const velocity = b.read(s.velocity, layout);
  const rate = b.read(s.rate, b.plain(s.rate));
  b.script('sgd', [parameter, gradient, velocity, rate], (view) => {
    const [p, g, v, r] = [view(parameter), view(gradient), view(velocity), view(rate)];
    return () => {
      descend(p, g, v, r[0] as number, s.momentum, s.decay);
      if (s.clamp) clamp(p, v);
    };
  });
}

/** velocity = momentum·velocity + gradient + decay·parameter, then parameter += (−rate)·velocity. */
function descendNatively(b: Builder, s: StepOf<'sgd'>, layout: Layout): void {
  const row = flat(b, layout);
  const parameter = b.read(s.parameter, layout);
  const velocity = b.read(s.velocity, layout);
  const follow = b.once(key('follow', row.number, s.momentum, s.decay), () =>
    b.describe({
      kind: 'sum',
      scales: [s.momentum, 1, s.decay],
      sources: [row.descriptor, row.descriptor, row.descriptor],
      destination: row.descriptor,
    }),
  );
  b.run('sgd velocity', follow, [
    [argument.multipleSource, velocity, row],
    [argument.multipleSource + 1, b.read(s.gradient, layout), row],
    [argument.multipleSource + 2, parameter, row],
    [argument.destination, velocity, row],
  ]);
  scaled(b, velocity, descentOf(b, s.rate), parameter, layout, true);
}

/** −rate, once a run. */
const descentOf = (b: Builder, rate: BufferId): Block =>
  b.once(key('descent', rate), () => {
    const source = b.read(rate, b.plain(rate));
    const result = b.scratch(4);
    b.script('descent', [source, result], (view) => {
      const [from, to] = [view(source), view(result)];
      return () => void (to[0] = -(from[0] as number));
    });
    return result;
  });
