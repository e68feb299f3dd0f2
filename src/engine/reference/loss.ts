/** Softmax cross-entropy against mixed labels: the mean over the batch, and its gradient. */
import type { StepOf } from '../../program/program.ts';
import type { Memory } from './memory.ts';

export function softmaxCrossEntropy(step: StepOf<'softmax-cross-entropy'>, m: Memory): void {
  const [logits, labels, gradient] = [m.values(step.logits), m.values(step.labels), m.values(step.gradient)];
  const [batch, classes] = m.shape(step.labels) as [number, number];
  let loss = 0;
  for (let from = 0; from < logits.length; from += classes) {
    let largest = -Infinity;
    for (let k = from; k < from + classes; k++) largest = Math.max(largest, logits[k] as number);
    let sum = 0;
    for (let k = from; k < from + classes; k++) sum += Math.exp((logits[k] as number) - largest);
    for (let k = from; k < from + classes; k++) {
      const logProbability = (logits[k] as number) - largest - Math.log(sum);
      loss -= (labels[k] as number) * logProbability;
      gradient[k] = (Math.exp(logProbability) - (labels[k] as number)) / batch;
    }
  }
  m.values(step.loss)[0] = loss / batch;
}
