/** The table of engines. To add one, add its name to `EngineName` and its line here. */
import type { Engine, EngineName } from './engine.ts';

export interface OpenOptions {
  readonly threads: number;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

const engines: { readonly [Name in EngineName]: (options: OpenOptions) => Promise<Engine> } = {
  reference: async () => (await import('./reference/engine.ts')).reference,
  onednn: async (options) => (await import('./onednn/onednn.ts')).createOneDnnEngine(options),
};

/** A UserError that says how to install what is missing. */
export const openEngine = (name: EngineName, options: OpenOptions): Promise<Engine> => engines[name](options);
