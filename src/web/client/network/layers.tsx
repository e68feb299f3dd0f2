/** What is known of the layers of the box that was chosen. */
import { multiplyAddsByNode, parametersByNode } from '../../../network/cost.ts';
import { blocksOf, describeBlock } from '../../../network/fold.ts';
import { consumersOf, type Network, type NodeId } from '../../../network/network.ts';
import { describeLayer } from '../../../network/print.ts';
import { formatShape, shapesOf } from '../../../network/shapes.ts';
import { describeChanges, type Difference } from '../../../report/compare.ts';
import { formatWhole } from '../../../util/words.ts';

export interface ChosenProps {
  readonly network: Network;
  readonly difference: Difference | null;
  /** Any layer of the block. */
  readonly id: NodeId;
  readonly onSelect: (id: NodeId) => void;
}

export function ChosenBlock({ network, difference, id, onSelect }: ChosenProps) {
  const block = blocksOf(network).find(({ nodes }) => nodes.some((node) => node.id === id));
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
      <h3>{describeBlock(block)}</h3>
      <dl class="pairs">
        {block.nodes.map((node) => {
          const shape = shapes.get(node.id);
          const changes = difference?.changes.get(node.id) ?? [];
          const [own, cost] = [parameters.get(node.id) ?? 0, multiplyAdds.get(node.id) ?? 0];
          return (
            <div key={node.id}>
              <dt>
                {node.id} {describeLayer(node.layer)}
              </dt>
              <dd>
                gives {shape === undefined ? 'nothing' : formatShape(shape)}; {formatWhole(own)} parameters, {formatWhole(cost)}{' '}
                multiply-adds
                {node.inputs.length === 0 ? '' : '; reads '}
                {links(node.inputs)}
                {(readers.get(node.id) ?? []).length === 0 ? '' : '; read by '}
                {links([...new Set((readers.get(node.id) ?? []).map((reader) => reader.id))])}
                {changes.length === 0 ? null : (
                  <>
                    {' '}
                    <span class={changes[0]?.kind === 'added' ? 'key-added' : 'key-altered'}>{describeChanges(changes)}</span>
                  </>
                )}
              </dd>
            </div>
          );
        })}
      </dl>
    </section>
  );
}
