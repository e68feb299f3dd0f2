/**
 * Loops in JavaScript: for small tensors, scalars, and what no primitive of the library computes. Elementwise ones run over
 * whole regions, padding included: zeros there stay zero.
 */

/** Mean over the batch of −Σ labels·log softmax(logits), and its gradient; (N, classes), row-major. */
export function softmaxCrossEntropy(
  logits: Float32Array,
  labels: Float32Array,
  loss: Float32Array,
  gradient: Float32Array,
  batch: number,
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
      gradient[i] = (Math.exp(logProbability) - label) / batch;
    }
  }
  loss[0] = total / batch;
}

/** running = (1 − momentum)·running + momentum·factor·batch. */
export function follow(running: Float32Array, batch: Float32Array, momentum: number, factor: number): void {
  for (let i = 0; i < running.length; i++)
    running[i] = (1 - momentum) * (running[i] as number) + momentum * factor * (batch[i] as number);
}

/** Σ gradient·(first − second), in four f64 sums. */
export function mixGradient(gradient: Float32Array, first: Float32Array, second: Float32Array): number {
  const length = gradient.length;
  const whole = length - (length % 4);
  let [a, b, c, d] = [0, 0, 0, 0];
  for (let i = 0; i < whole; i += 4) {
    a += (gradient[i] as number) * ((first[i] as number) - (second[i] as number));
    b += (gradient[i + 1] as number) * ((first[i + 1] as number) - (second[i + 1] as number));
    c += (gradient[i + 2] as number) * ((first[i + 2] as number) - (second[i + 2] as number));
    d += (gradient[i + 3] as number) * ((first[i + 3] as number) - (second[i + 3] as number));
  }
  for (let i = whole; i < length; i++) a += (gradient[i] as number) * ((first[i] as number) - (second[i] as number));
  return a + b + (c + d);
}
