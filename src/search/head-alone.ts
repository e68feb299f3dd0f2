/** Fine-tuning that trains the head of the given network and nothing else: once, without a final training. Pure. */
import { linearHeadOf } from '../network/head.ts';
import type { Network } from '../network/network.ts';
import { parametersOf } from '../network/parameters.ts';
import { frozenNodes } from '../program/learning.ts';
import { must } from '../util/assert.ts';
import type { SearchEvent } from './events.ts';
import { methods } from './methods/table.ts';
import { learningOf, type Settings } from './settings.ts';
import { candidateOf, networkOf, type SearchState } from './state.ts';

/**
 * Whether nothing of that network is left to be trained when its head was trained by itself. A head that is not linear in its features goes on,
 * unless it is frozen then: it was trained for few minibatches only.
 */
export function isHeadAlone(settings: Settings, network: Network): boolean {
  if (!methods[settings.method].tunes || settings.optimizer.freeze === 0) return false;
  const frozen = frozenNodes(learningOf(settings), network);
  const left = new Set(parametersOf(network).flatMap(({ node }) => (frozen.has(node) ? [] : [node])));
  const head = linearHeadOf(network);
  if (head !== null) left.delete(head.node.id);
  return left.size === 0;
}

/** What ends a search whose network is trained already; null where there is a final training, or one was begun. */
export function headAsFinal(state: SearchState, settings: Settings): SearchEvent | null {
  const { line } = must(state.stop, 'stop');
  const { step, checkpoint } = candidateOf(state, line);
  if (step > 0 || state.segments.final.length > 0 || !isHeadAlone(settings, networkOf(state, line))) return null;
  return { type: 'undone', line: 'final', to: line, checkpoint: must(checkpoint, `checkpoint of ${line}`) };
}

/** Whether the final network is one whose head alone was trained: there was no final training to take back. */
export const endsWithHead = ({ undone, segments }: SearchState): boolean => undone && segments.final.length === 0;
