/** The layers of the selected block. */
import { multiplyAddsByNode, parametersByNode } from '../../../network/cost.ts';
import { layerGroupsOf, describeGroup } from '../../../network/fold.ts';
import { consumersOf, type Network, type NodeId } from '../../../network/network.ts';
import { describeLayer } from '../../../network/print.ts';
import { formatShape, shapesOf } from '../../../network/shapes.ts';
import { describeChanges, type Difference } from '../../../report/compare.ts';
import { formatWhole } from '../../../util/words.ts';
import { Pairs } from '../parts.tsx';

export interface BlockProps {
  readonly network: Network;
  readonly difference: Difference | null;
  /** Any layer of the block. */
  readonly id: NodeId;
  readonly onSelect: (id: NodeId) => void;
}

export function BlockDetails({ network, difference, id, onSelect }: BlockProps) {
  const block = layerGroupsOf(network).find(({ nodes }) => nodes.some((node) => node.id === id));
  if (block === undefined) return null;
  const [shapes, readers] = [shapesOf(network), consumersOf(network)];
  const [parameters, multiplyAdds] = [parametersByNode(network), multiplyAddsByNode(network)];
  const links = (ids: readonly NodeId[]) =>
    ids.map((other) => (
      <button type="button" class="net-link" key={other} onClick={() => onSelect(other)} aria-label={`Layer ${other}`}>
        {other}
      </button>
    ));
  return (
    <section class="net-chosen" aria-live="polite">
      <h3>{describeGroup(block)}</h3>
      <Pairs
        pairs={block.nodes.map((node) => {
          const shape = shapes.get(node.id);
          const changes = difference?.changes.get(node.id) ?? [];
          const consumers = [...new Set((readers.get(node.id) ?? []).map((reader) => reader.id))];
          return [
            `${node.id} ${describeLayer(node.layer)}`,
            <>
              output {shape === undefined ? 'none' : formatShape(shape)}; {formatWhole(parameters.get(node.id) ?? 0)} parameters,{' '}
              {formatWhole(multiplyAdds.get(node.id) ?? 0)} multiply-adds
              {node.inputs.length === 0 ? '' : '; inputs '}
              {links(node.inputs)}
              {consumers.length === 0 ? '' : '; used by '}
              {links(consumers)}
              {changes.length === 0 ? null : (
                <>
                  {' '}
                  <span class={changes[0]?.kind === 'added' ? 'key-added' : 'key-altered'}>{describeChanges(changes)}</span>
                </>
              )}
            </>,
          ];
        })}
      />
    </section>
  );
}
