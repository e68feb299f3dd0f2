/** In how many passes of a minibatch a network is computed. */
import type { Network } from '../network/network.ts';
import type { Settings } from './settings.ts';

export interface Fitting {
  readonly settings: Settings;
  /** The passes of a minibatch in which a worker has the memory to train that network; null where it has not. */
  passesFor(network: Network): number | null;
}

/** As a field of a task or a job; empty where it is one. */
export function passesOf({ settings, passesFor }: Fitting, network: Network): { readonly passes?: number } {
  // Memory is not predicted where nothing depends on it.
  const passes = settings.limits.passes === 1 ? 1 : (passesFor(network) ?? 1);
  return passes === 1 ? {} : { passes };
}
