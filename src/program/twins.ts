/**
 * Common subexpressions: nodes that compute what an earlier one does. Each merge pools its second input (§3.2.3, §3.2.4), so that
 * a grown network may have the same max-pool of a tensor several times.
 */
import type { Node, NodeId } from '../network/network.ts';
import { canonicalJson } from '../util/json.ts';

/**
 * Maps each node without parameters to the first node with the same layer and inputs. Inputs that are duplicates of each other
 * count as the same. The last node is never mapped: its output may be the program's.
 */
export function twinsOf(nodes: readonly Node[], withParameters: ReadonlySet<NodeId>): ReadonlyMap<NodeId, NodeId> {
  const twins = new Map<NodeId, NodeId>();
  const first = new Map<string, NodeId>();
  for (const { id, layer, inputs } of nodes.slice(0, -1)) {
    if (withParameters.has(id)) continue;
    const computed = canonicalJson([layer, inputs.map((input) => twins.get(input) ?? input)]);
    const twin = first.get(computed);
    if (twin === undefined) first.set(computed, id);
    else twins.set(id, twin);
  }
  return twins;
}
