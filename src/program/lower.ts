/**
 * Lowers a network to a program: forward steps, and for training the loss, the gradients and the updates. It knows shapes and
 * names, no values.
 */
import { ancestorsOf, ask, outputOf, type Network, type Node, type NodeId } from '../network/network.ts';
import {
  parametersOf,
  isLearned,
  isTrained,
  runningMomentum,
  type NamedParameter,
  type ParameterRole,
} from '../network/parameters.ts';
import { shapesOf } from '../network/shapes.ts';
import { must } from '../util/assert.ts';
import { canonicalJson } from '../util/json.ts';
import { forward, geometryOf, type Saved } from './forward.ts';
import { fuse } from './fusion.ts';
import { inPasses } from './passes.ts';
import { gradients } from './gradients.ts';
import {
  assignmentsOf,
  followingOf,
  frozenNodes,
  keptStatistics,
  optimizerOf,
  ratesByDepth,
  roleLearning,
  statesOf,
  type Learning,
} from './learning.ts';
import { stateName, type Optimizer } from './optimizers/optimizer.ts';
import type { Buffer, BufferId, BufferKind, Program, StateEntry, Step } from './program.ts';
import { verify } from './verify.ts';

export type Purpose =
  /** Batch statistics, loss, gradients, update of parameters and running statistics. `passes` of a minibatch; missing: 1. */
  | { readonly kind: 'training'; readonly learning: Learning; readonly passes?: number }
  /** Running statistics; logits. */
  | { readonly kind: 'evaluation' }
  /** Batch statistics, no updates; logits, and the channel statistics of the tapped nodes. With taps, it ends after the last. */
  | { readonly kind: 'measurement'; readonly taps: readonly NodeId[] };

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

/** The buffers, steps and state of a program while it is lowered. */
interface Draft {
  readonly buffers: Buffer[];
  readonly steps: Step[];
  readonly state: StateEntry[];
  add(kind: BufferKind, name: string, shape: readonly number[]): BufferId;
  shapeOf(buffer: BufferId): readonly number[];
  emit(step: Step): void;
}

function emptyDraft(): Draft {
  const buffers: Buffer[] = [];
  const steps: Step[] = [];
  return {
    buffers,
    steps,
    state: [],
    add(kind, name, shape) {
      buffers.push({ id: buffers.length, kind, shape, name });
      return buffers.length - 1;
    },
    shapeOf: (id) => must(buffers[id], `buffer ${id}`).shape,
    emit: (step) => void steps.push(step),
  };
}

/** The part of a network that is lowered. */
interface Source {
  readonly network: Network;
  readonly nodes: readonly Node[];
  /** Of `nodes`. */
  readonly parameters: readonly NamedParameter[];
  readonly twins: ReadonlyMap<NodeId, NodeId>;
  /** Of a training, the nodes that are not trained. */
  readonly frozen: ReadonlySet<NodeId>;
  /** Those of its batch normalisations that normalise by their running statistics. */
  readonly kept: ReadonlySet<NodeId>;
  parameterOf(node: Node, role: ParameterRole): BufferId;
}

/** Adds a buffer of state for each parameter of `nodes`; for running statistics only where `purpose` uses them. */
function addParameters(draft: Draft, network: Network, nodes: readonly Node[], purpose: Purpose): Source {
  const present = new Set(nodes.map((node) => node.id));
  const parameters = parametersOf(network).filter((parameter) => present.has(parameter.node));
  const buffers = new Map<string, BufferId>();
  for (const { name, role, shape } of parameters) {
    if (!isTrained(role) && purpose.kind === 'measurement') continue;
    const buffer = draft.add('state', name, shape);
    buffers.set(name, buffer);
    draft.state.push({ name, buffer, role });
  }
  return {
    network,
    nodes,
    parameters,
    twins: twinsOf(nodes, new Set(parameters.map(({ node }) => node))),
    frozen: purpose.kind === 'training' ? frozenNodes(purpose.learning, network) : new Set(),
    kept: purpose.kind === 'training' ? keptStatistics(purpose.learning, network) : new Set(),
    parameterOf: ({ id }, role) => must(buffers.get(`${id}/${role}`), `${id}/${role}`),
  };
}

interface Forward {
  readonly images: BufferId;
  /** By node; nodes that are twins share a buffer. */
  readonly outputs: ReadonlyMap<NodeId, BufferId>;
  readonly saved: ReadonlyMap<NodeId, Saved>;
}

/** The forward steps, with common subexpressions eliminated. */
function emitForward(
  draft: Draft,
  { network, nodes, twins, frozen, kept, parameterOf }: Source,
  batch: number,
  purpose: Purpose,
): Forward {
  const shapes = shapesOf(network);
  const output = outputOf(network);
  const outputs = new Map<NodeId, BufferId>();
  const saved = new Map<NodeId, Saved>();
  let images: BufferId = -1;
  for (const node of nodes) {
    const { channels, height, width } = must(shapes.get(node.id), 'shape');
    const shape = [batch, channels, height, width];
    if (node.layer.kind === 'image') {
      images = draft.add('input', 'images', shape);
      outputs.set(node.id, images);
      continue;
    }
    const twin = twins.get(node.id);
    if (twin !== undefined) {
      outputs.set(node.id, must(outputs.get(twin), `output of node ${twin}`));
      continue;
    }
    const isLogits = node === output;
    const buffer = draft.add(isLogits ? 'output' : 'temporary', isLogits ? 'logits' : `${node.id}/output`, shape);
    outputs.set(node.id, buffer);
    ask(forward, node.layer, {
      node,
      inputs: node.inputs.map((id) => must(outputs.get(id), `output of node ${id}`)),
      output: buffer,
      statistics: purpose.kind === 'evaluation' || kept.has(node.id) ? 'running' : 'batch',
      following: purpose.kind === 'training' ? (purpose.learning.following ?? runningMomentum) : 0,
      differentiated: purpose.kind === 'training' && !frozen.has(node.id),
      parameter: (role) => parameterOf(node, role),
      temporary: draft.add,
      shapeOf: draft.shapeOf,
      save: (entry) => void saved.set(node.id, { ...saved.get(node.id), ...entry }),
      emit: draft.emit,
    });
  }
  return { images, outputs, saved };
}

/** The channel statistics of the tapped nodes. */
function emitTaps(draft: Draft, taps: readonly NodeId[], { outputs }: Forward): Program['taps'] {
  return taps.map((node) => {
    const buffer = must(outputs.get(node), `output of node ${node}`);
    const channels = draft.shapeOf(buffer)[1] as number;
    const mean = draft.add('output', `${node}/mean`, [channels]);
    const variance = draft.add('output', `${node}/variance`, [channels]);
    draft.emit({ kind: 'channel-statistics', input: buffer, mean, variance });
    return { node, mean, variance };
  });
}

interface Loss {
  readonly labels: BufferId;
  readonly rate: BufferId;
  readonly loss: BufferId;
  /** dL/d(logits). */
  readonly gradient: BufferId;
}

function emitLoss(draft: Draft, logits: BufferId): Loss {
  const labels = draft.add('input', 'labels', draft.shapeOf(logits).slice(0, 2));
  const rate = draft.add('input', 'rate', [1]);
  const loss = draft.add('output', 'loss', [1]);
  const gradient = draft.add('temporary', 'logits gradient', draft.shapeOf(logits));
  draft.emit({ kind: 'softmax-cross-entropy', logits, labels, loss, gradient });
  return { labels, rate, loss, gradient };
}

/** The nodes that receive a gradient: those that own trained parameters, and those that read from such a node. */
function learningNodes({ nodes, parameters, frozen }: Source): ReadonlySet<NodeId> {
  const owners = new Set(parameters.filter((each) => isLearned(each) && !frozen.has(each.node)).map(({ node }) => node));
  const learns = new Set<NodeId>();
  for (const node of nodes) if (owners.has(node.id) || node.inputs.some((id) => learns.has(id))) learns.add(node.id);
  return learns;
}

/** Makes the update of a parameter, and adds a buffer of state for each state that the optimizer keeps for it. */
type MakeUpdate = (node: Node, role: ParameterRole, gradient: BufferId) => Step;

function updatesWith(draft: Draft, source: Source, rate: BufferId, learning: Learning, optimizer: Optimizer): MakeUpdate {
  const after = followingOf(learning);
  const rateOf = ratesByDepth(learning, source.network);
  return (node, role, gradient) => {
    const parameter = source.parameterOf(node, role);
    const states: Record<string, BufferId> = {};
    for (const one of statesOf(optimizer, learning)) {
      const name = stateName(`${node.id}/${role}`, one);
      const buffer = draft.add('state', name, one.shape === 'scalar' ? [1] : draft.shapeOf(parameter));
      states[one.name] = buffer;
      draft.state.push({ name, buffer, role: 'optimizer' });
    }
    const own = roleLearning(learning, source.network, node.id, role);
    return {
      kind: 'update',
      parameter,
      gradient,
      rate,
      states,
      assignments: assignmentsOf(optimizer, learning, { ...own, rate: own.rate * rateOf(node.id) }),
      bounds: role === 'mix' ? [0, 1] : null,
      ...(after === undefined ? {} : { after }),
    };
  };
}

/** The gradients, from the last node to the first, and the updates, given the gradient of the logits. */
function emitGradients(draft: Draft, source: Source, made: Forward, logitsGradient: BufferId, updateOf: MakeUpdate): void {
  const { network, nodes, twins, kept, parameterOf } = source;
  const { add, shapeOf, emit } = draft;
  const learns = learningNodes(source);
  const contributions = new Map<NodeId, BufferId[]>([[outputOf(network).id, [logitsGradient]]]);
  const contribute = (id: NodeId, gradient: BufferId): void => {
    const node = twins.get(id) ?? id;
    const list = contributions.get(node);
    if (list === undefined) contributions.set(node, [gradient]);
    else list.push(gradient);
  };
  for (const node of nodes.toReversed()) {
    const received = contributions.get(node.id);
    if (received === undefined || !learns.has(node.id)) continue;
    const updates: Step[] = [];
    const buffer = must(made.outputs.get(node.id), 'output');
    let outputGradient = received[0] as BufferId;
    if (received.length > 1) {
      outputGradient = add('temporary', `${node.id}/gradient`, shapeOf(buffer));
      emit({ kind: 'add', inputs: received, output: outputGradient });
    }
    const inputs = node.inputs.map((id) => must(made.outputs.get(id), 'input'));
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
        const gradient = add('temporary', `${node.id}/${role}/gradient`, shapeOf(parameterOf(node, role)));
        updates.push(updateOf(node, role, gradient));
        return gradient;
      },
      parameter: (role) => parameterOf(node, role),
      saved: made.saved.get(node.id) ?? {},
      statistics: kept.has(node.id) ? 'running' : 'batch',
      geometry: geometryOf(node.layer, inputs[0] === undefined ? 1 : (shapeOf(inputs[0])[1] as number)),
      channelsOf: (id) => shapeOf(id)[1] as number,
      emit,
    });
    // Each parameter is updated after its last reader, so that its gradient's memory is free early.
    for (const update of updates) emit(update);
  }
}

/**
 * The program of a network for `batch` images, those of a pass, fused and verified. `chosen` replaces the optimizer that `learning`
 * names.
 */
export function lower(network: Network, batch: number, purpose: Purpose, chosen?: Optimizer): Program {
  const taps = purpose.kind === 'measurement' ? purpose.taps : [];
  const nodes = taps.length > 0 ? ancestorsOf(network, taps) : network.nodes;
  const draft = emptyDraft();
  const source = addParameters(draft, network, nodes, purpose);
  const made = emitForward(draft, source, batch, purpose);
  const tapped = emitTaps(draft, taps, made);
  const logits = made.outputs.get(outputOf(network).id) ?? null;

  const { buffers, steps, state } = draft;
  const program = (labels: BufferId | null, rate: BufferId | null, loss: BufferId | null): Program => {
    const lowered: Program = { batch, buffers, steps, state, images: made.images, labels, rate, logits, loss, taps: tapped };
    verify(lowered);
    const fused = inPasses(fuse(lowered), purpose.kind === 'training' ? (purpose.passes ?? 1) : 1);
    verify(fused);
    return fused;
  };
  if (purpose.kind !== 'training') return program(null, null, null);

  const { labels, rate, loss, gradient } = emitLoss(draft, must(logits, 'logits'));
  const optimizer = chosen ?? optimizerOf(purpose.learning);
  emitGradients(draft, source, made, gradient, updatesWith(draft, source, rate, purpose.learning, optimizer));
  return program(labels, rate, loss);
}
