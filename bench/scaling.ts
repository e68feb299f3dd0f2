/** Times per multiply-add of a training step from 0.4 M to 10 M parameters, and the time to compile a deep network. */
import { countMultiplyAdds, countParameters } from '../src/network/cost.ts';
import { freeze, type Layer, type Network, type Node } from '../src/network/network.ts';
import { convolution, epsilon, maxPool, vanillaNetwork } from '../src/network/vanilla.ts';
import { oneThread, paperNetwork } from './bare.ts';
import { interleave, say } from './measure.ts';
import { classes, trainingContender, trainingProgram } from './training-step.ts';

const image = { channels: 3, height: 32, width: 32 };

/** A vanilla network with `more` further convolutions of the same width after each of its last two blocks. */
function deeper(widths: readonly number[], more: number): Network {
  const nodes: Node[] = [];
  const append = (layer: Layer): void => {
    nodes.push({ id: nodes.length, layer, inputs: nodes.length === 0 ? [] : [nodes.length - 1] });
  };
  for (const { layer } of vanillaNetwork(image, classes, widths).nodes) {
    append(layer);
    const width = layer.kind === 'relu' ? widths[nodes.filter((node) => node.layer.kind === 'max-pool').length] : undefined;
    if (width === undefined || width < (widths[1] as number)) continue;
    for (let i = 0; i < more; i++) {
      append(convolution(width, 3));
      append({ kind: 'batch-normalization', epsilon });
      append({ kind: 'relu' });
    }
  }
  return freeze(nodes);
}

export async function scalingBench(): Promise<void> {
  const engine = oneThread();
  const batch = 32;
  const networks = [
    paperNetwork(),
    vanillaNetwork(image, classes, [64, 256, 600]),
    deeper([64, 128, 256], 3),
    deeper([96, 192, 384], 4),
    deeper([100, 300, 600], 2),
  ];
  const contenders = [];
  for (const network of networks)
    contenders.push(
      await trainingContender(`${(countParameters(network) / 1e6).toFixed(1)} M parameters`, engine, network, batch),
    );
  const results = await interleave(contenders, 7, 1);
  const perMultiplyAdd = results.map(
    ({ processor }, index) => (1e6 * processor.best) / (countMultiplyAdds(networks[index] as Network) * batch),
  );
  results.forEach(({ name, processor, wall }, index) =>
    say(
      `  ${name.padEnd(44)} ${(perMultiplyAdd[index] as number).toFixed(4)} ns per multiply-add (${processor.best.toFixed(0)} ms of processor time a step of ${batch}, ${wall.best.toFixed(0)} of wall-clock time)`,
    ),
  );
  const growth = Math.max(...perMultiplyAdd) / (perMultiplyAdd[0] as number);
  say(`  largest over the vanilla network's: ${growth.toFixed(2)} ×; below 1.50 wanted: ${growth < 1.5 ? 'reached' : 'MISSED'}`);
  for (const contender of contenders) contender.close();
}

/** A network of blocks of two branches that are added, concatenated or combined (convex), with at least `layers` layers. */
export function grownNetwork(layers: number): Network {
  const nodes: Node[] = [{ id: 0, layer: { kind: 'image', shape: image }, inputs: [] }];
  const append = (layer: Layer, ...inputs: number[]): number => {
    nodes.push({ id: nodes.length, layer, inputs: inputs.length > 0 ? inputs : [nodes.length - 1] });
    return nodes.length - 1;
  };
  const block = (width: number, from: number, layer: Layer = convolution(width, 3)): number => {
    append(layer, from);
    append({ kind: 'batch-normalization', epsilon });
    return append({ kind: 'relu' });
  };
  let [end, width] = [block(19, 0), 19];
  for (let index = 0; nodes.length < layers - 2; index++) {
    if (index % 4 === 3) end = index < 12 ? append(maxPool(2), end) : end;
    const wider = width + 5 + (index % 3);
    const left = block(wider, end);
    const right =
      index % 2 === 0
        ? block(wider, end, convolution(wider, 1))
        : append(convolution(wider, 1), append({ kind: 'depthwise', kernel: 3, stride: 1, padding: 1, bias: true }, end));
    const joins: readonly Layer[] = [{ kind: 'add' }, { kind: 'concat' }, { kind: 'convex' }];
    const join = joins[index % 3] as Layer;
    end = append(join, left, right);
    width = join.kind === 'concat' ? 2 * wider : wider;
    if (width > 150) [end, width] = [block(48, end, convolution(48, 1)), 48];
  }
  append({ kind: 'global-average-pool' }, end);
  append({ kind: 'dense', features: classes });
  return freeze(nodes);
}

export async function compileBench(): Promise<void> {
  const engine = oneThread();
  const network = grownNetwork(100);
  const start = performance.now();
  const program = trainingProgram(network, 128);
  const lowered = performance.now();
  const session = await engine.compile(program, 'auto');
  const compiled = performance.now();
  (await engine.compile(program, 'auto')).dispose();
  const again = performance.now();
  say(
    `  ${network.nodes.length} layers, ${program.steps.length} steps, ${(session.bytes / 2 ** 20).toFixed(0)} MiB at batch 128`,
  );
  say(
    `  lowering ${(lowered - start).toFixed(0)} ms, primitives ${(compiled - lowered).toFixed(0)} ms (${(again - compiled).toFixed(0)} a second time); ` +
      `below 3000 wanted: ${compiled - start < 3000 ? 'reached' : 'MISSED'}`,
  );
  session.dispose();
}
