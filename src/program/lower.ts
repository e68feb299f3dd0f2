/**
 * Lowers a network to a program: forward steps, and for training the loss, the gradients and the updates. It knows shapes and
 * names, no values.
 */
import { ask, outputOf, type Layer, type LayerTable, type Network, type Node, type NodeId } from '../network/network.ts';
import { parametersOf, isTrained, runningMomentum, type ParameterRole } from '../network/parameters.ts';
import { shapesOf } from '../network/shapes.ts';
import { must } from '../util/assert.ts';
import { canonicalJson } from '../util/json.ts';
import { gradients } from './gradients.ts';
import { fuse } from './fusion.ts';
import { assignmentsOf, averagingOf, optimizerOf, roleLearning, statesOf, type Learning } from './learning.ts';
import { stateName, type Optimizer } from './optimizers/optimizer.ts';
import type { Buffer, BufferId, BufferKind, Geometry, Program, StateEntry, Step } from './program.ts';
import { verify } from './verify.ts';

export type Purpose =
  /** Batch statistics, loss, gradients, update of parameters and running statistics. */
  | { readonly kind: 'training'; readonly learning: Learning }
  /** Running statistics; logits. */
  | { readonly kind: 'evaluation' }
  /** Batch statistics, no updates; logits, and the channel statistics of the tapped nodes. With taps, it ends after the last. */
  | { readonly kind: 'measurement'; readonly taps: readonly NodeId[] };

interface ForwardContext {
  readonly node: Node;
  readonly inputs: readonly BufferId[];
  readonly output: BufferId;
  readonly statistics: 'batch' | 'running';
  readonly differentiated: boolean;
  parameter(role: ParameterRole): BufferId;
  temporary(kind: 'temporary' | 'mask', name: string, shape: readonly number[]): BufferId;
  shapeOf(buffer: BufferId): readonly number[];
  save(entry: { mean?: BufferId; variance?: BufferId; mask?: BufferId }): void;
  emit(step: Step): void;
}

const input = (c: ForwardContext): BufferId => must(c.inputs[0], 'input');

/** The geometry of a layer with a sliding window over so many channels; null for the others. */
function geometryOf(layer: Layer, channels: number): Geometry | null {
  if (!('kernel' in layer)) return null;
  const { kernel, stride, padding } = layer;
  return { kernel, stride, padding, groups: layer.kind === 'depthwise' ? channels : 1 };
}

const convolve = (layer: { readonly bias: boolean }, c: ForwardContext): void => {
  const geometry = must(geometryOf(c.node.layer, c.shapeOf(input(c))[1] as number), 'geometry');
  const [kernel, bias] = [c.parameter('kernel'), layer.bias ? c.parameter('bias') : null];
  c.emit({ kind: 'convolution', input: input(c), kernel, bias, output: c.output, geometry });
};

const forward: LayerTable<[context: ForwardContext], void> = {
  image: () => undefined,
  convolution: convolve,
  depthwise: convolve,
  'batch-normalization'(layer, c) {
    const [batch, channels, height, width] = c.shapeOf(input(c)) as [number, number, number, number];
    const fromBatch = c.statistics === 'batch';
    const mean = fromBatch ? c.temporary('temporary', `${c.node.id}/batch mean`, [channels]) : c.parameter('mean');
    const variance = fromBatch ? c.temporary('temporary', `${c.node.id}/batch variance`, [channels]) : c.parameter('variance');
    c.emit({
      kind: 'batch-normalization',
      statistics: c.statistics,
      input: input(c),
      scale: c.parameter('scale'),
      shift: c.parameter('shift'),
      mean,
      variance,
      output: c.output,
      relu: false,
      mask: null,
      epsilon: layer.epsilon,
    });
    c.save({ mean, variance });
    if (c.differentiated)
      c.emit({
        kind: 'running-statistics',
        mean,
        variance,
        runningMean: c.parameter('mean'),
        runningVariance: c.parameter('variance'),
        momentum: runningMomentum,
        count: batch * height * width,
      });
  },
  relu: (_layer, c) => c.emit({ kind: 'relu', input: input(c), output: c.output }),
  'max-pool'({ kernel, stride, padding }, c) {
    const mask = c.differentiated ? c.temporary('mask', `${c.node.id}/mask`, c.shapeOf(c.output)) : null;
    if (mask !== null) c.save({ mask });
    c.emit({ kind: 'max-pool', input: input(c), output: c.output, mask, geometry: { kernel, stride, padding, groups: 1 } });
  },
  'global-average-pool': (_layer, c) => c.emit({ kind: 'global-average-pool', input: input(c), output: c.output }),
  dense: (_layer, c) =>
    c.emit({ kind: 'dense', input: input(c), kernel: c.parameter('kernel'), bias: c.parameter('bias'), output: c.output }),
  add: (_layer, c) => c.emit({ kind: 'add', inputs: c.inputs, output: c.output }),
  convex(_layer, c) {
    const second = must(c.inputs[1], 'second input');
    c.emit({ kind: 'convex', first: input(c), second, mix: c.parameter('mix'), output: c.output });
  },
  concat: (_layer, c) => c.emit({ kind: 'concat', inputs: c.inputs, output: c.output }),
};

/** The nodes that `ends` depend on, `ends` included, in the network's order. */
function ancestors(network: Network, ends: readonly NodeId[]): readonly Node[] {
  const wanted = new Set(ends);
  const kept: Node[] = [];
  for (const node of network.nodes.toReversed()) {
    if (!wanted.has(node.id)) continue;
    kept.unshift(node);
    for (const id of node.inputs) wanted.add(id);
  }
  return kept;
}

/**
 * Common subexpressions: maps each node without parameters to the first node with the same layer and inputs. Inputs that are
 * duplicates of each other count as the same. A grown network has them: each merge pools its second input (§3.2.3, §3.2.4).
 * The last node is never mapped: its output may be the program's.
 */
function twinsOf(nodes: readonly Node[], withParameters: ReadonlySet<NodeId>): ReadonlyMap<NodeId, NodeId> {
  const twins = new Map<NodeId, NodeId>();
  const first = new Map<string, NodeId>();
  for (const { id: node, layer, inputs } of nodes.slice(0, -1)) {
    if (withParameters.has(node)) continue;
    const computed = canonicalJson([layer, inputs.map((id) => twins.get(id) ?? id)]);
    const twin = first.get(computed);
    if (twin === undefined) first.set(computed, node);
    else twins.set(node, twin);
  }
  return twins;
}

/** The program of a network for `batch` images, fused and verified. `chosen` replaces the optimizer that `learning` names. */
export function lower(network: Network, batch: number, purpose: Purpose, chosen?: Optimizer): Program {
  const shapes = shapesOf(network);
  const buffers: Buffer[] = [];
  const steps: Step[] = [];
  const state: StateEntry[] = [];
  const emit = (step: Step): void => void steps.push(step);
  const add = (kind: BufferKind, name: string, shape: readonly number[]): BufferId => {
    buffers.push({ id: buffers.length, kind, shape, name });
    return buffers.length - 1;
  };
  const shapeOf = (id: BufferId): readonly number[] => must(buffers[id], `buffer ${id}`).shape;

  const training = purpose.kind === 'training';
  const taps = purpose.kind === 'measurement' ? purpose.taps : [];
  const output = outputOf(network);
  const nodes = taps.length > 0 ? ancestors(network, taps) : network.nodes;
  const present = new Set(nodes.map((node) => node.id));

  const parameterBuffers = new Map<string, BufferId>();
  const parameters = parametersOf(network).filter((parameter) => present.has(parameter.node));
  for (const { name, role, shape } of parameters) {
    if (!isTrained(role) && purpose.kind === 'measurement') continue;
    const buffer = add('state', name, shape);
    parameterBuffers.set(name, buffer);
    state.push({ name, buffer, role });
  }
  const parameterOf = ({ id }: Node, role: ParameterRole): BufferId =>
    must(parameterBuffers.get(`${id}/${role}`), `${id}/${role}`);

  // Forward, with common subexpressions eliminated.
  const twins = twinsOf(nodes, new Set(parameters.map(({ node }) => node)));
  const outputs = new Map<NodeId, BufferId>();
  const saved = new Map<NodeId, { mean?: BufferId; variance?: BufferId; mask?: BufferId }>();
  let images: BufferId = -1;
  for (const node of nodes) {
    const { channels, height, width } = must(shapes.get(node.id), 'shape');
    const shape = [batch, channels, height, width];
    if (node.layer.kind === 'image') {
      images = add('input', 'images', shape);
      outputs.set(node.id, images);
      continue;
    }
    const twin = twins.get(node.id);
    if (twin !== undefined) {
      outputs.set(node.id, must(outputs.get(twin), `output of node ${twin}`));
      continue;
    }
    const isLogits = node === output;
    const buffer = add(isLogits ? 'output' : 'temporary', isLogits ? 'logits' : `${node.id}/output`, shape);
    outputs.set(node.id, buffer);
    ask(forward, node.layer, {
      node,
      inputs: node.inputs.map((id) => must(outputs.get(id), `output of node ${id}`)),
      output: buffer,
      statistics: purpose.kind === 'evaluation' ? 'running' : 'batch',
      differentiated: training,
      parameter: (role) => parameterOf(node, role),
      temporary: add,
      shapeOf,
      save: (entry) => void saved.set(node.id, { ...saved.get(node.id), ...entry }),
      emit,
    });
  }
  const tapped = taps.map((node) => {
    const buffer = must(outputs.get(node), `output of node ${node}`);
    const channels = shapeOf(buffer)[1] as number;
    const mean = add('output', `${node}/mean`, [channels]);
    const variance = add('output', `${node}/variance`, [channels]);
    emit({ kind: 'channel-statistics', input: buffer, mean, variance });
    return { node, mean, variance };
  });
  const logits = outputs.get(output.id) ?? null;

  const program = (labels: BufferId | null, rate: BufferId | null, loss: BufferId | null): Program => {
    const lowered: Program = { batch, buffers, steps, state, images, labels, rate, logits, loss, taps: tapped };
    verify(lowered);
    const fused = fuse(lowered);
    verify(fused);
    return fused;
  };
  if (!training) return program(null, null, null);

  const optimizer = chosen ?? optimizerOf(purpose.learning);
  const after = averagingOf(purpose.learning);
  // Loss.
  const head = must(logits, 'logits');
  const labels = add('input', 'labels', shapeOf(head).slice(0, 2));
  const rate = add('input', 'rate', [1]);
  const loss = add('output', 'loss', [1]);
  const headGradient = add('temporary', 'logits gradient', shapeOf(head));
  emit({ kind: 'softmax-cross-entropy', logits: head, labels, loss, gradient: headGradient });

  // Gradients, from the last node to the first. A node learns if it owns trained parameters or reads one that does.
  const owners = new Set(parameters.filter(({ role }) => isTrained(role)).map(({ node }) => node));
  const learns = new Set<NodeId>();
  for (const node of nodes) if (owners.has(node.id) || node.inputs.some((id) => learns.has(id))) learns.add(node.id);

  const contributions = new Map<NodeId, BufferId[]>([[output.id, [headGradient]]]);
  const contribute = (id: NodeId, gradient: BufferId): void => {
    const node = twins.get(id) ?? id;
    const list = contributions.get(node);
    if (list === undefined) contributions.set(node, [gradient]);
    else list.push(gradient);
  };
  const updates: Step[] = [];
  for (const node of nodes.toReversed()) {
    const received = contributions.get(node.id);
    if (received === undefined || !learns.has(node.id)) continue;
    const buffer = must(outputs.get(node.id), 'output');
    let outputGradient = received[0] as BufferId;
    if (received.length > 1) {
      outputGradient = add('temporary', `${node.id}/gradient`, shapeOf(buffer));
      emit({ kind: 'add', inputs: received, output: outputGradient });
    }
    const inputs = node.inputs.map((id) => must(outputs.get(id), 'input'));
    ask(gradients, node.layer, {
      outputGradient,
      inputs,
      output: buffer,
      inputGradient(index) {
        const id = must(node.inputs[index], 'input');
        if (!learns.has(id)) return null;
        const gradient = add('temporary', `${node.id}/gradient of ${id}`, shapeOf(must(inputs[index], 'input')));
        contribute(id, gradient);
        return gradient;
      },
      unreadGradient: (index) => add('temporary', `${node.id}/gradient of its input`, shapeOf(must(inputs[index], 'input'))),
      forwardGradient(index, gradient) {
        const id = must(node.inputs[index], 'input');
        if (learns.has(id)) contribute(id, gradient);
      },
      parameterGradient(role) {
        const parameter = parameterOf(node, role);
        const name = `${node.id}/${role}`;
        const gradient = add('temporary', `${name}/gradient`, shapeOf(parameter));
        const states: Record<string, BufferId> = {};
        for (const one of statesOf(optimizer, purpose.learning)) {
          const kept = stateName(name, one);
          states[one.name] = add('state', kept, one.shape === 'scalar' ? [1] : shapeOf(parameter));
          state.push({ name: kept, buffer: states[one.name] as BufferId, role: 'optimizer' });
        }
        updates.push({
          kind: 'update',
          parameter,
          gradient,
          rate,
          states,
          assignments: assignmentsOf(optimizer, purpose.learning, roleLearning(purpose.learning, network, node.id, role)),
          bounds: role === 'mix' ? [0, 1] : null,
          ...(after === undefined ? {} : { after }),
        });
        return gradient;
      },
      parameter: (role) => parameterOf(node, role),
      saved: saved.get(node.id) ?? {},
      geometry: geometryOf(node.layer, inputs[0] === undefined ? 1 : (shapeOf(inputs[0])[1] as number)),
      channelsOf: (id) => shapeOf(id)[1] as number,
      emit,
    });
    // Each parameter is updated after its last reader, so that its gradient's memory is free early.
    for (const update of updates.splice(0)) emit(update);
  }
  return program(labels, rate, loss);
}
