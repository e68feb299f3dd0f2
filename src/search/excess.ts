/** How large a network is, against the limits that it is to keep. Pure. */
import { countMultiplyAdds, countParameters } from '../network/cost.ts';
import type { Network } from '../network/network.ts';
import type { Settings } from './settings.ts';

/** How many times the limits, by the one that it is furthest over; at most 1 where it keeps them. */
export const excessOf = (
  network: Network,
  { parameters, multiplyAdds }: Pick<Settings['limits'], 'parameters' | 'multiplyAdds'>,
): number =>
  Math.max(countParameters(network) / parameters, multiplyAdds === null ? 0 : countMultiplyAdds(network) / multiplyAdds);
