/**
 * The latency that `--max-latency` predicts, against measured ones of whole networks: start networks of many widths, and networks grown
 * from them by all operators. Predictions are of a table that is measured in the same run, unless the cache has it.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { secondsOf } from '../src/deploy/latency.ts';
import { deployStructure } from '../src/deploy/lower.ts';
import { openRuntime } from '../src/engine/onnx/runtime.ts';
import { sampleEdits } from '../src/morphism/mutate.ts';
import { operatorNames } from '../src/morphism/operators.ts';
import { countMultiplyAdds } from '../src/network/cost.ts';
import type { Network } from '../src/network/network.ts';
import { stagedNetwork } from '../src/network/staged.ts';
import { vanillaNetwork } from '../src/network/vanilla.ts';
import { operatorTimes, timeInTurns } from '../src/run/planning/operator-times.ts';
import { median } from '../src/util/numbers.ts';
import { random } from '../src/util/random.ts';
import { say } from './measure.ts';

const sides = [32, 64];
const grown = 12;
/** A pixel. */
const mostMultiplyAdds = 60e3;

const equally = Object.fromEntries(operatorNames.map((name) => [name, 1]));

function networksOf(side: number): readonly { readonly name: string; readonly network: Network }[] {
  const shape = { channels: 3, height: side, width: side };
  const starts = [
    ['staged 16,32,64,64', stagedNetwork(shape, 10, [16, 32, 64, 64])],
    ['staged 16,16,24,40', stagedNetwork(shape, 10, [16, 16, 24, 40])],
    ['staged 8,8,16,16', stagedNetwork(shape, 10, [8, 8, 16, 16])],
    ['staged 24,72,88,96', stagedNetwork(shape, 10, [24, 72, 88, 96])],
    ['vanilla 16,32,64', vanillaNetwork(shape, 10, [16, 32, 64])],
    ['vanilla 64,128,256', vanillaNetwork(shape, 10, [64, 128, 256])],
  ] as const;
  const children = Array.from({ length: grown }, (_none, at) => {
    const stream = random('latency', side, at);
    const [name, start] = stream.pick(starts);
    const limits = { maxChannels: 600, admits: (network: Network) => countMultiplyAdds(network) <= mostMultiplyAdds * side ** 2 };
    const { network, edits } = sampleEdits(start, { operators: equally, mutations: 8, limits }, stream);
    return { name: `${name}, ${edits.map(({ kind }) => kind).join(' ')}`, network };
  });
  return [...starts.map(([name, network]) => ({ name, network })), ...children];
}

export async function latencyBench(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'instar-latency-'));
  try {
    const runtime = await openRuntime('cpu', 1);
    for (const side of sides) {
      const begun = performance.now();
      const times = await operatorTimes({ cacheFolder: folder, image: { height: side, width: side } });
      say(
        `${side}×${side}: ${times.of}, channels padded to ${times.block}; measured in ${((performance.now() - begun) / 1000).toFixed(0)} s`,
      );
      for (const [name, { fixed, each }] of Object.entries(times.linear))
        say(`  ${name.padEnd(10)} ${(1e6 * fixed).toFixed(1)} µs + ${(1e9 * each).toFixed(3)} ns a number`);
      const networks = networksOf(side);
      const deployed = networks.map(({ network }) => deployStructure(network));
      const measured = await timeInTurns(runtime, deployed);
      const errors = deployed.map((each, at) => {
        const [predicted, found] = [secondsOf(each, times), measured[at] ?? 0];
        const { name, network } = networks[at] ?? { name: '', network: undefined };
        const macs = network === undefined ? 0 : countMultiplyAdds(network);
        const error = predicted / found - 1;
        say(
          `  ${(1000 * found).toFixed(2).padStart(7)} ms, predicted ${(1000 * predicted).toFixed(2).padStart(7)} (${(100 * error).toFixed(0).padStart(4)} %)  ${(macs / 1e6).toFixed(1).padStart(5)} M  ${name.slice(0, 90)}`,
        );
        return Math.abs(error);
      });
      say(`  median error ${(100 * median(errors)).toFixed(0)} %, largest ${(100 * Math.max(...errors)).toFixed(0)} %`);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}
