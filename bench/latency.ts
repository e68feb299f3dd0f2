/**
 * The latency that `--max-latency` predicts, against measured ones of whole networks: start networks of many widths, and networks grown
 * from them by all operators. Tables are measured in the same run.
 */
import { secondsOf } from '../src/deploy/latency.ts';
import { deployStructure } from '../src/deploy/lower.ts';
import { openRuntime } from '../src/engine/onnx/runtime.ts';
import { sampleEdits } from '../src/morphism/mutate.ts';
import { operatorNames } from '../src/morphism/operators.ts';
import { countMultiplyAdds } from '../src/network/cost.ts';
import type { Network } from '../src/network/network.ts';
import { stagedNetwork } from '../src/network/staged.ts';
import { vanillaNetwork } from '../src/network/vanilla.ts';
import { measureOperators, timeInTurns } from '../src/run/preparing/operator-times.ts';
import { median } from '../src/util/numbers.ts';
import { random } from '../src/util/random.ts';
import { say } from './measure.ts';

const sides = [32, 64];
const grown = 12;
const turns = 3;
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
  const runtime = await openRuntime('cpu', 1);
  for (const side of sides) {
    const networks = networksOf(side);
    const deployed = networks.map(({ network }) => deployStructure(network));
    const predictions: number[][] = deployed.map(() => []);
    const measurements: number[][] = deployed.map(() => []);
    let seconds = 0;
    // Tables and networks take turns: the speed of a machine changes beside others.
    for (let turn = 0; turn < turns; turn++) {
      const begun = performance.now();
      const times = await measureOperators(runtime, { height: side, width: side });
      seconds += (performance.now() - begun) / 1000 / turns;
      if (turn === 0) say(`${side}×${side}: ${times.of}, channels padded to ${times.block}`);
      (await timeInTurns(runtime, deployed)).forEach((each, at) => {
        measurements[at]?.push(each);
        predictions[at]?.push(secondsOf(deployed[at] as (typeof deployed)[number], times));
      });
    }
    const errors = networks.map(({ name, network }, at) => {
      const [predicted, found] = [median(predictions[at] ?? []), median(measurements[at] ?? [])];
      const error = predicted / found - 1;
      const [took, said] = [found, predicted].map((each) => (1000 * each).toFixed(2).padStart(6));
      const size = (countMultiplyAdds(network) / 1e6).toFixed(1).padStart(5);
      say(
        `  ${took} ms, predicted ${said} (${(100 * error).toFixed(0).padStart(3)} %); ${size} M multiply-adds; ${name.slice(0, 80)}`,
      );
      return Math.abs(error);
    });
    const [middle, most] = [median(errors), Math.max(...errors)].map((each) => (100 * each).toFixed(0));
    say(`  median error ${middle} %, largest ${most} %; a table takes ${seconds.toFixed(0)} s`);
  }
}
