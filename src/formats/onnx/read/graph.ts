/**
 * What must hold of a model's graph whatever its operators are: versions, names that are given once, nodes in an order in
 * which each comes after what it reads (so there is no cycle), one image that goes in and one tensor of logits that comes
 * out. Keeps the nodes that the logits depend on.
 */
import { UserError } from '../../../util/user-error.ts';
import type { GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto } from '../proto.ts';
import { nodeFailure, quoted } from './failure.ts';

/** ai.onnx operator sets whose meaning is known here. */
export const oldestOpset = 7;
export const newestOpset = 24;
/** IR version 3 of 2017 is the first with operator sets. */
const oldestIr = 3;

/** Nodes that the logits may depend on: planning the memory of a training step is quadratic in them. */
export const mostNodes = 2000;

export interface Graph {
  readonly opset: number;
  /** What the image goes into. */
  readonly input: ValueInfoProto;
  /** The name of the logits, or of probabilities made of them. */
  readonly output: string;
  /** Those that the output depends on, each after what it reads. */
  readonly nodes: readonly NodeProto[];
  readonly initializers: ReadonlyMap<string, TensorProto>;
  /** How often each tensor is read, the output once more. */
  readonly readers: ReadonlyMap<string, number>;
}

function opsetOf(model: ModelProto, where: string): number {
  if (model.irVersion < oldestIr)
    throw new UserError(`${where}: IR version ${model.irVersion}; at least ${oldestIr} can be read`);
  const own = model.opsets.filter(({ domain }) => domain === '');
  const [only] = own;
  if (only === undefined) throw new UserError(`${where}: it does not say which operator set its nodes are of`);
  if (own.length > 1) throw new UserError(`${where}: it names ${own.length} operator sets of one domain`);
  if (only.version < oldestOpset || only.version > newestOpset)
    throw new UserError(`${where}: operator set ${only.version}; those from ${oldestOpset} to ${newestOpset} can be read`);
  return only.version;
}

/** Names of tensors, each given once. */
function initializersOf({ initializers }: GraphProto, where: string): Map<string, TensorProto> {
  const byName = new Map<string, TensorProto>();
  for (const tensor of initializers) {
    if (byName.has(tensor.name)) throw new UserError(`${where}: two initializers named ${quoted(tensor.name)}`);
    byName.set(tensor.name, tensor);
  }
  return byName;
}

/** Checks that every name is given once and before it is read. Gives the node that makes each tensor. */
function makersOf(graph: GraphProto, initializers: ReadonlyMap<string, TensorProto>, where: string): Map<string, NodeProto> {
  const makers = new Map<string, NodeProto>();
  const inputs = new Set<string>();
  for (const { name } of graph.inputs) {
    if (inputs.has(name)) throw new UserError(`${where}: two inputs named ${quoted(name)}`);
    inputs.add(name);
  }
  const isKnown = (name: string): boolean => makers.has(name) || inputs.has(name) || initializers.has(name);
  const all = new Set(graph.nodes.flatMap(({ outputs }) => outputs));
  for (const node of graph.nodes) {
    for (const name of node.inputs) {
      if (name === '' || isKnown(name)) continue;
      const later = all.has(name) ? 'which is not made before it (a cycle, or not in order)' : 'which nothing makes';
      throw nodeFailure(where, node, `reads ${quoted(name)}, ${later}`);
    }
    for (const name of node.outputs) {
      if (name === '') continue;
      if (isKnown(name)) throw nodeFailure(where, node, `gives ${quoted(name)}, which is there already`);
      makers.set(name, node);
    }
  }
  return makers;
}

const passing = new Set(['Softmax', 'LogSoftmax', 'Identity']);

/** What an output is made of, behind what changes no ranking. */
function rootOf(name: string, makers: ReadonlyMap<string, NodeProto>): string {
  let root = name;
  for (let maker = makers.get(root); maker !== undefined && passing.has(maker.opType); maker = makers.get(root)) {
    const [input] = maker.inputs;
    if (input === undefined) break;
    root = input;
  }
  return root;
}

function outputOf(graph: GraphProto, makers: ReadonlyMap<string, NodeProto>, where: string): string {
  const names = graph.outputs.map(({ name }) => name);
  const [first] = names;
  if (first === undefined) throw new UserError(`${where}: it has no output`);
  for (const name of names) if (!makers.has(name)) throw new UserError(`${where}: output ${quoted(name)} is given by no node`);
  if (names.length === 1 || new Set(names.map((name) => rootOf(name, makers))).size === 1) return first;
  if (names.includes('logits')) return 'logits';
  throw new UserError(
    `${where}: it has ${names.length} outputs, ${names.slice(0, 4).map(quoted).join(', ')}: a classifier has one`,
  );
}

/** A UserError that begins with `where` where something does not hold. */
export function checkGraph(model: ModelProto, where: string): Graph {
  const opset = opsetOf(model, where);
  const { graph } = model;
  if (model.functions > 0) throw new UserError(`${where}: it defines functions of its own, which are not read`);
  if (graph.sparseInitializers > 0) throw new UserError(`${where}: its sparse initializers are not read`);
  const initializers = initializersOf(graph, where);
  const makers = makersOf(graph, initializers, where);
  const output = outputOf(graph, makers, where);

  const readers = new Map<string, number>([[output, 1]]);
  // Backwards, each node after those that read it.
  const nodes = graph.nodes.toReversed().filter((node) => {
    if (!node.outputs.some((name) => name !== '' && readers.has(name))) return false;
    for (const name of node.inputs) readers.set(name, (readers.get(name) ?? 0) + 1);
    return true;
  });
  nodes.reverse();
  if (nodes.length > mostNodes) throw new UserError(`${where}: ${nodes.length} nodes; at most ${mostNodes} can be read`);
  for (const node of nodes) {
    const second = node.outputs.slice(1).find((name) => name !== '' && readers.has(name));
    if (second !== undefined) throw nodeFailure(where, node, `its output ${quoted(second)} cannot be represented`);
  }

  const inputs = graph.inputs.filter(({ name }) => readers.has(name) && !initializers.has(name));
  const [input] = inputs;
  if (input === undefined) throw new UserError(`${where}: its output depends on no input`);
  if (inputs.length > 1)
    throw new UserError(
      `${where}: its output depends on ${inputs.length} inputs, ${inputs
        .slice(0, 4)
        .map(({ name }) => quoted(name))
        .join(', ')}: a classifier has one image`,
    );
  return { opset, input, output, nodes, initializers, readers };
}
