/** The front of a run for terminal, report and dashboard. Pure. */
import { weightBytesOf, workingBytesOf } from '../../deploy/size.ts';
import { frontOf, type FrontNetwork } from '../../search/ranking.ts';
import { networkOf, type SearchState } from '../../search/state.ts';

export interface FrontRow extends FrontNetwork {
  /** Of an export in bytes: weights, and working memory of inference. */
  readonly bytes: number;
  readonly activations: number;
}

/** The smallest first. */
export const frontRows = (search: SearchState): readonly FrontRow[] =>
  frontOf(search).map((each) => {
    const network = networkOf(search, each.candidate);
    return { ...each, bytes: weightBytesOf(network), activations: workingBytesOf(network) };
  });
