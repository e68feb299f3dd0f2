/**
 * Checks a model's graph independently of its operators: versions, unique names, nodes in topological order (so there is no
 * cycle), one image as input and one tensor of logits as output. Keeps the nodes on which the logits depend.
 */
import { UserError } from '../../../util/user-error.ts';
import type { GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto } from '../proto.ts';
import { nodeFailure, quotedName } from './failure.ts';
import { withoutCalls } from './functions.ts';

/** Supported ai.onnx operator sets. */
const oldestOpset = 7;
const newestOpset = 24;
/** IR version 3 of 2017 is the first with operator sets. */
const oldestIr = 3;

/** Most nodes on which the logits depend: planning the memory of a training step is quadratic in them. */
const mostNodes = 2000;

export interface Graph {
  readonly opset: number;
  /** The image. */
  readonly input: ValueInfoProto;
  /** The name of the logits or probabilities. */
  readonly output: string;
  /** Those on which the output depends, in topological order. */
  readonly nodes: readonly NodeProto[];
  readonly initializers: ReadonlyMap<string, TensorProto>;
  /** How many nodes read each tensor; the output has one more reader. */
  readonly readers: ReadonlyMap<string, number>;
}

function opsetOf(model: ModelProto, where: string): number {
  if (model.irVersion < oldestIr)
    throw new UserError(`${where}: IR version ${model.irVersion} is not supported: use at least ${oldestIr}`);
  const own = model.opsets.filter(({ domain }) => domain === '');
  const [only] = own;
  if (only === undefined) throw new UserError(`${where}: it does not name its operator set`);
  if (own.length > 1) throw new UserError(`${where}: it names ${own.length} versions of one operator set`);
  if (only.version < oldestOpset || only.version > newestOpset)
    throw new UserError(`${where}: operator set ${only.version} is not supported: use one from ${oldestOpset} to ${newestOpset}`);
  return only.version;
}

/** Initializers by their names, which must be unique. */
function initializersOf({ initializers }: GraphProto, where: string): Map<string, TensorProto> {
  const byName = new Map<string, TensorProto>();
  for (const tensor of initializers) {
    if (byName.has(tensor.name)) throw new UserError(`${where}: two initializers named ${quotedName(tensor.name)}`);
    byName.set(tensor.name, tensor);
  }
  return byName;
}

/** The node that computes each tensor. Checks that names are unique and computed before they are read. */
function producersOf(graph: GraphProto, initializers: ReadonlyMap<string, TensorProto>, where: string): Map<string, NodeProto> {
  const producers = new Map<string, NodeProto>();
  const inputs = new Set<string>();
  for (const { name } of graph.inputs) {
    if (inputs.has(name)) throw new UserError(`${where}: two inputs named ${quotedName(name)}`);
    inputs.add(name);
  }
  const isKnown = (name: string): boolean => producers.has(name) || inputs.has(name) || initializers.has(name);
  const all = new Set(graph.nodes.flatMap(({ outputs }) => outputs));
  for (const node of graph.nodes) {
    for (const name of node.inputs) {
      if (name === '' || isKnown(name)) continue;
      const later = all.has(name) ? 'which is not computed before it (a cycle, or the wrong order)' : 'which does not exist';
      throw nodeFailure(where, node, `reads ${quotedName(name)}, ${later}`);
    }
    for (const name of node.outputs) {
      if (name === '') continue;
      if (isKnown(name)) throw nodeFailure(where, node, `computes ${quotedName(name)}, which already exists`);
      producers.set(name, node);
    }
  }
  return producers;
}

const passing = new Set(['Softmax', 'LogSoftmax', 'Identity']);

/** The tensor behind an output, before operators that keep the ranking. */
function rootOf(name: string, producers: ReadonlyMap<string, NodeProto>): string {
  let root = name;
  for (
    let producer = producers.get(root);
    producer !== undefined && passing.has(producer.opType);
    producer = producers.get(root)
  ) {
    const [input] = producer.inputs;
    if (input === undefined) break;
    root = input;
  }
  return root;
}

function outputOf(graph: GraphProto, producers: ReadonlyMap<string, NodeProto>, where: string): string {
  const names = graph.outputs.map(({ name }) => name);
  const [first] = names;
  if (first === undefined) throw new UserError(`${where}: it has no output`);
  for (const name of names)
    if (!producers.has(name)) throw new UserError(`${where}: no node computes its output ${quotedName(name)}`);
  if (names.length === 1 || new Set(names.map((name) => rootOf(name, producers))).size === 1) return first;
  if (names.includes('logits')) return 'logits';
  throw new UserError(
    `${where}: it has ${names.length} outputs, ${names.slice(0, 4).map(quotedName).join(', ')}: a classifier has one`,
  );
}

/** A UserError, which begins with `where`, for a graph that is not valid. */
export function checkGraph(model: ModelProto, where: string): Graph {
  const opset = opsetOf(model, where);
  const graph = withoutCalls(model, opset, where);
  if (graph.sparseInitializers > 0) throw new UserError(`${where}: its sparse initializers are not read`);
  const initializers = initializersOf(graph, where);
  const producers = producersOf(graph, initializers, where);
  const output = outputOf(graph, producers, where);

  const readers = new Map<string, number>([[output, 1]]);
  // Backwards: each node after its readers.
  const nodes = graph.nodes.toReversed().filter((node) => {
    if (!node.outputs.some((name) => name !== '' && readers.has(name))) return false;
    for (const name of node.inputs) readers.set(name, (readers.get(name) ?? 0) + 1);
    return true;
  });
  nodes.reverse();
  if (nodes.length > mostNodes) throw new UserError(`${where}: ${nodes.length} nodes; at most ${mostNodes} can be read`);
  for (const node of nodes) {
    if (node.opType === 'Split') continue;
    const second = node.outputs.slice(1).find((name) => name !== '' && readers.has(name));
    if (second !== undefined) throw nodeFailure(where, node, `its output ${quotedName(second)} cannot be represented`);
  }

  const inputs = graph.inputs.filter(({ name }) => readers.has(name) && !initializers.has(name));
  const [input] = inputs;
  if (input === undefined) throw new UserError(`${where}: its output depends on no input`);
  if (inputs.length > 1)
    throw new UserError(
      `${where}: its output depends on ${inputs.length} inputs, ${inputs
        .slice(0, 4)
        .map(({ name }) => quotedName(name))
        .join(', ')}: a classifier has one image`,
    );
  return { opset, input, output, nodes, initializers, readers };
}
