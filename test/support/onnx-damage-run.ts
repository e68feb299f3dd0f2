/** Evaluates damaged models as `evaluate` does: ONNX Runtime runs them in a process that may crash. */
import assert from 'node:assert/strict';
import { createModelRunner } from '../../src/execution/model-runner.ts';
import { describeClassifier } from '../../src/formats/onnx/classifier.ts';
import { decodeModel } from '../../src/formats/onnx/codec.ts';
import { sizeOf } from '../../src/network/tensor.ts';
import { UserError } from '../../src/util/user-error.ts';
import { damagedFile, type Outcome, type Sample } from './onnx-damage.ts';

const where = 'damaged.onnx';
/** Limits of the process that runs the models, and of each model. */
const limits = { memory: 2 ** 30, seconds: 10 };

/** Runs damaged files from number `first` on. Fails at the first that gives neither numbers nor a one-line error. */
export async function fuzzEvaluate(samples: readonly Sample[], first: number, count: number): Promise<Outcome> {
  const complaints = new Map<string, number>();
  const before = process.resourceUsage().maxRSS;
  const runner = createModelRunner(where, limits);
  let networks = 0;
  let slowest = { milliseconds: 0, what: '' };
  try {
    for (let round = first; round < first + count; round++) {
      const { what, bytes } = damagedFile(samples, round);
      const begun = performance.now();
      try {
        const { input, output } = describeClassifier(decodeModel(bytes, where), where);
        await runner.open(bytes, []);
        const { channels, elementType, layout } = input;
        const [height, width, batch] = [input.height ?? 28, input.width ?? 28, input.batch ?? 2];
        const shape = layout === 'NCHW' ? [batch, channels, height, width] : [batch, height, width, channels];
        const length = sizeOf(shape);
        // Skip files whose input is larger than any image.
        if (length > 2 ** 24) throw new UserError(`${where}: takes ${length} numbers`);
        const data = elementType === 'uint8' ? new Uint8Array(length).fill(99) : new Float32Array(length).fill(0.4);
        await runner.run({ input: input.name, elementType, data, shape, output });
        networks++;
      } catch (error) {
        assert.ok(error instanceof UserError, `round ${round}: ${what}: ${error instanceof Error ? error.stack : String(error)}`);
        assert.ok(!error.message.includes('\n') && error.message.startsWith(`${where}: `), `${what}: ${error.message}`);
        const kind = error.message.replaceAll(/(["'])(\\.|(?!\1).)*\1/g, '…').replaceAll(/-?\d[\d.e+×]*/g, '#');
        const short = kind.slice(0, 100);
        complaints.set(short, (complaints.get(short) ?? 0) + 1);
      }
      const milliseconds = performance.now() - begun;
      if (milliseconds > slowest.milliseconds) slowest = { milliseconds, what: `round ${round}: ${what}` };
      assert.ok(milliseconds < 2000 * limits.seconds + 5000, `round ${round}: ${what}: ${milliseconds} ms`);
    }
  } finally {
    runner.close();
  }
  const grown = 1024 * (process.resourceUsage().maxRSS - before);
  return { files: count, networks, compared: 0, unclear: [], complaints, slowest, grown };
}
