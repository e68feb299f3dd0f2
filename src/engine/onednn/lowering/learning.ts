/** The loss and the update: loops of ours. */
import { accessOf } from '../../../program/access.ts';
import { bufferOf, type StepOf } from '../../../program/program.ts';
import type { Builder } from '../builder.ts';
import { query } from '../constants.ts';
import { clamp, descend, softmaxCrossEntropy } from '../kernels.ts';
import type { Layout } from '../native.ts';
import { convolutionGradientKernel } from './convolution.ts';
import { denseGradientKernel } from './dense.ts';
import type { Rows } from './rows.ts';

/** The layout in which the gradient of a parameter arrives, so that the update needs no reorder. */
export function parameterLayout(b: Builder, update: StepOf<'sgd'>): Layout {
  const writer = b.program.steps.find((step) => accessOf(step).writes.includes(update.gradient));
  if (writer?.kind === 'convolution-gradient-kernel' && writer.kernelGradient === update.gradient)
    return b.wants(convolutionGradientKernel(b, writer), query.weightsGradient, update.gradient);
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
  },
} satisfies Rows;
