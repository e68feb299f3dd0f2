/** The networks that a search can start from, where none is given. */
import type { Network, Shape } from './network.ts';
import { stagedNetwork } from './staged.ts';
import { vanillaNetwork } from './vanilla.ts';

interface StartNetwork {
  /** In a sentence. */
  readonly label: string;
  /** For people who choose, in one line. */
  readonly summary: string;
  /** For images of a shape. `widths`: channels, as the network's own docstring says. */
  readonly make: (input: Shape, classes: number, widths: readonly number[]) => Network;
}

const table = {
  vanilla: { label: 'vanilla network', summary: "the paper's: conv–BN–ReLU blocks, max-pools between", make: vanillaNetwork },
  staged: {
    label: 'staged network',
    summary: 'a stem that is not trained, then stages of two convolutions; meant for start.initialisation=identity',
    make: stagedNetwork,
  },
} as const satisfies Readonly<Record<string, StartNetwork>>;

export type StartNetworkName = keyof typeof table;
export const startNetworks: { readonly [Name in StartNetworkName]: StartNetwork } = table;
export const startNetworkNames = Object.keys(table) as [StartNetworkName, ...StartNetworkName[]];
