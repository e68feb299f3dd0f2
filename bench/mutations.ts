/** Times five mutations of a network of ten million parameters: sampling, and applying them to its tensors, without calibration. */
import { applyEdit } from '../src/morphism/apply.ts';
import { sampleEdits } from '../src/morphism/mutate.ts';
import { paperOperators } from '../src/morphism/operators.ts';
import { countParameters } from '../src/network/cost.ts';
import type { Network } from '../src/network/network.ts';
import { initialTensors } from '../src/network/parameters.ts';
import { vanillaNetwork } from '../src/network/vanilla.ts';
import { random } from '../src/util/random.ts';
import { say } from './measure.ts';

const children = 12;

export function mutationsBench(): Promise<void> {
  const vanilla = vanillaNetwork({ channels: 3, height: 32, width: 32 }, 10, [64, 128, 256]);
  const limit = (parameters: number) => ({
    maxChannels: 600,
    admits: (network: Network) => countParameters(network) <= parameters,
  });
  const { network } = sampleEdits(
    vanilla,
    { operators: paperOperators, mutations: 40, limits: limit(10_500_000) },
    random('grown'),
  );
  const tensors = initialTensors(network, random('parameters'));
  const times: number[] = [];
  for (let child = 0; child < children; child++) {
    const start = performance.now();
    const { edits } = sampleEdits(
      network,
      { operators: paperOperators, mutations: 5, limits: limit(20_000_000) },
      random('child', child),
    );
    let grown = { network, tensors };
    for (const [index, edit] of edits.entries())
      grown = applyEdit(grown.network, grown.tensors, edit, random('apply', child, index));
    times.push(performance.now() - start);
  }
  const sorted = times.toSorted((a, b) => a - b);
  const slowest = sorted.at(-1) ?? 0;
  say(
    `  ${(countParameters(network) / 1e6).toFixed(1)} M parameters, ${network.nodes.length} nodes, ${children} children: ` +
      `median ${(sorted[children >> 1] ?? 0).toFixed(0)} ms, slowest ${slowest.toFixed(0)} ms; below 1000 wanted: ${slowest < 1000 ? 'reached' : 'MISSED'}`,
  );
  return Promise.resolve();
}
