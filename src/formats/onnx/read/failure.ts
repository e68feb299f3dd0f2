/** Error messages about models: one line that names the node and its operator. Names from the file are quoted. */
import { UserError } from '../../../util/user-error.ts';
import type { NodeProto } from '../proto.ts';

const longestName = 60;

/** A name from the file, quoted on one line and shortened. */
export const quotedName = (name: string): string =>
  JSON.stringify(name.length > longestName ? `${name.slice(0, longestName)}…` : name);

/** `node "conv1" (Conv)`; a node without a name is described by its output. */
function describeNode({ name, domain, opType, outputs }: NodeProto): string {
  const operator = domain === '' ? opType : `${domain}.${opType}`;
  const shown = /^[\w.]{1,60}$/.test(operator) ? operator : quotedName(operator);
  return name === '' ? `the node with output ${quotedName(outputs[0] ?? '')} (${shown})` : `node ${quotedName(name)} (${shown})`;
}

/** `model.onnx: node "conv1" (Conv): …` */
export const nodeFailure = (where: string, node: NodeProto, problem: string): UserError =>
  new UserError(`${where}: ${describeNode(node)}: ${problem}`);
