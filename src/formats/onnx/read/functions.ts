/**
 * Functions that a model defines, as exporters write them for layers of their own: each node that calls one is replaced by the
 * function's nodes, until operators of ONNX are left. Names inside a function become names of the graph.
 */
import { UserError } from '../../../util/user-error.ts';
import type { AttributeProto, FunctionProto, GraphProto, ModelProto, NodeProto } from '../proto.ts';
import { mostEntries } from '../wire.ts';
import { nodeFailure, quotedName } from './failure.ts';

/** Most calls within calls. How much they may come to is the limit of a file without functions. */
const mostDepth = 20;

const keyOf = (domain: string, name: string, overload = ''): string => JSON.stringify([domain, name, overload]);

function definitionsOf({ functions }: ModelProto, opset: number, where: string): ReadonlyMap<string, FunctionProto> {
  const byKey = new Map<string, FunctionProto>();
  for (const one of functions) {
    const key = keyOf(one.domain, one.name, one.overload);
    const called = `${where}: function ${quotedName(one.name)}`;
    if (byKey.has(key)) throw new UserError(`${called} is defined twice`);
    const own = one.opsets.find(({ domain }) => domain === '');
    if (own !== undefined && own.version !== opset)
      throw new UserError(`${called} is of operator set ${own.version}, the model of ${opset}`);
    byKey.set(key, one);
  }
  return byKey;
}

/** The attributes of a node in a function, where the call says those that they refer to. */
function attributesIn(call: NodeProto, { defaults }: FunctionProto, { attributes }: NodeProto): AttributeProto[] {
  const given = new Map([...defaults, ...call.attributes].map((attribute) => [attribute.name, attribute]));
  return attributes.flatMap((attribute) => {
    if (attribute.kind !== 'reference') return attribute;
    const meant = given.get(attribute.value);
    return meant === undefined ? [] : { ...meant, name: attribute.name };
  });
}

/** The nodes of a function with the names of that call. `mark`: what makes the names inside unlike all others. */
function nodesOf(call: NodeProto, definition: FunctionProto, mark: string): NodeProto[] {
  const { inputs, outputs, nodes } = definition;
  const names = new Map<string, string>([['', '']]);
  inputs.forEach((name, at) => names.set(name, call.inputs[at] ?? ''));
  // An input that is handed on is a name already.
  const handed = outputs.flatMap((name, at): NodeProto[] => {
    const output = call.outputs[at] ?? '';
    if (!inputs.includes(name)) {
      if (output !== '') names.set(name, output);
      return [];
    }
    const only = { inputs: [names.get(name) ?? ''], outputs: [output] };
    return output === '' ? [] : [{ name: call.name, opType: 'Identity', domain: '', attributes: [], ...only }];
  });
  const nameOf = (name: string): string => names.get(name) ?? `${mark}${name}`;
  return [
    ...nodes.map((node) => ({
      ...node,
      name: [call.name, node.name].filter((name) => name !== '').join('/'),
      inputs: node.inputs.map(nameOf),
      outputs: node.outputs.map(nameOf),
      attributes: attributesIn(call, definition, node),
    })),
    ...handed,
  ];
}

/** The model's graph without calls of its functions. A UserError, which begins with `where`, for functions that are not valid. */
export function withoutCalls(model: ModelProto, opset: number, where: string): GraphProto {
  const { graph } = model;
  if (model.functions.length === 0) return graph;
  const definitions = definitionsOf(model, opset, where);
  const nodes: NodeProto[] = [];
  let [calls, entries] = [0, 0];
  // A stack, because calls are nested as deeply as a file says.
  const waiting = graph.nodes.toReversed().map((node) => ({ node, depth: 0 }));
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { node, depth } = next;
    const definition = definitions.get(keyOf(node.domain, node.opType, node.overload));
    if (definition === undefined) {
      nodes.push(node);
      continue;
    }
    const fits = node.inputs.length <= definition.inputs.length && node.outputs.length <= definition.outputs.length;
    if (!fits) throw nodeFailure(where, node, 'it does not fit the function that it calls');
    if (depth === mostDepth) throw nodeFailure(where, node, `calls of functions are nested more than ${mostDepth} times`);
    const inside = nodesOf(node, definition, `call ${++calls}: `);
    entries += inside.reduce((sum, one) => sum + 1 + one.inputs.length + one.outputs.length + one.attributes.length, 1);
    if (entries > mostEntries)
      throw new UserError(`${where}: with its functions it has more than ${mostEntries} nodes and names`);
    for (const one of inside.toReversed()) waiting.push({ node: one, depth: depth + 1 });
  }
  return { ...graph, nodes };
}
