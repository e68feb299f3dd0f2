/** In how many passes of a minibatch a network is computed. */
import type { Network } from '../network/network.ts';
import type { Context } from './next.ts';

/** As a field of a task or a job; empty where it is one. */
export function passesOf(
  { settings, passesFor }: Pick<Context, 'settings' | 'passesFor'>,
  network: Network,
): { readonly passes?: number } {
  // Memory is not predicted where nothing depends on it.
  const passes = settings.limits.passes === 1 ? 1 : (passesFor(network) ?? 1);
  return passes === 1 ? {} : { passes };
}
