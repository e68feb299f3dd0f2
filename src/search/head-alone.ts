/** Fine-tuning that trains the head of the given network and nothing else: once, without a final training. Pure. */
import { linearHeadOf } from '../network/head.ts';
import type { Network } from '../network/network.ts';
import { must } from '../util/assert.ts';
import type { SearchEvent } from './events.ts';
import { methods } from './methods/table.ts';
import type { Settings } from './settings.ts';
import { candidateOf, networkOf, type SearchState } from './state.ts';

/**
 * Whether the head, which was trained by itself, is all that is to be trained of that network. A head that is not linear in its features goes
 * on: it was trained for few minibatches only.
 */
export const isHeadAlone = ({ method, optimizer }: Settings, network: Network): boolean =>
  methods[method].tunes && optimizer.freeze === 'all-but-head' && linearHeadOf(network) !== null;

/** What ends a search whose network is trained already; null where there is a final training, or one was begun. */
export function headAsFinal(state: SearchState, settings: Settings): SearchEvent | null {
  const { line } = must(state.stop, 'stop');
  const { step, checkpoint } = candidateOf(state, line);
  if (step > 0 || state.segments.final.length > 0 || !isHeadAlone(settings, networkOf(state, line))) return null;
  return { type: 'undone', line: 'final', to: line, checkpoint: must(checkpoint, `checkpoint of ${line}`) };
}

/** Whether the final network is one whose head alone was trained: there was no final training to take back. */
export const endsWithHead = ({ undone, segments }: SearchState): boolean => undone && segments.final.length === 0;
