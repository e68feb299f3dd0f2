/** How what is wrong with a model is said: one line, by node and operator. Names come from the file and are shown as such. */
import { UserError } from '../../../util/user-error.ts';
import type { NodeProto } from '../proto.ts';

const longestName = 60;

/** A name from the file, quoted, on one line, and not longer than people read. */
export const quoted = (name: string): string =>
  JSON.stringify(name.length > longestName ? `${name.slice(0, longestName)}…` : name);

/** `node "conv1" (Conv)`; a node without a name is named by what it gives. */
export function describeNode({ name, domain, opType, outputs }: NodeProto): string {
  const operator = domain === '' ? opType : `${domain}.${opType}`;
  const shown = /^[\w.]{1,60}$/.test(operator) ? operator : quoted(operator);
  return name === '' ? `the node that gives ${quoted(outputs[0] ?? '')} (${shown})` : `node ${quoted(name)} (${shown})`;
}

/** Begins with `model.onnx: node "conv1" (Conv): `. */
export const nodeFailure = (where: string, node: NodeProto, problem: string): UserError =>
  new UserError(`${where}: ${describeNode(node)}: ${problem}`);
