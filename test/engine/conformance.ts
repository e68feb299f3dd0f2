/**
 * The suite that every engine passes: its steps, its networks and its manners. The reference engine is the oracle; it passes
 * the suite itself, and is judged by the definitions and by finite differences in tests of its own.
 */
import { describe } from 'node:test';
import type { Engine } from '../../src/engine/engine.ts';
import { contractTests } from './conformance/contract.ts';
import { networkTests } from './conformance/networks.ts';
import type { ConformanceOptions } from './conformance/options.ts';
import { optimizerTests } from './conformance/optimizers.ts';
import { passTests } from './conformance/passes.ts';
import { stepTests } from './conformance/steps.ts';

/** Registers the tests of one engine. `open` is called once. */
export function conformance(name: string, open: () => Promise<Engine>, options: ConformanceOptions): void {
  let engine: Promise<Engine> | undefined;
  const once = (): Promise<Engine> => (engine ??= open());
  describe(`engine ${name}`, () => {
    stepTests(once, options);
    networkTests(once, options);
    optimizerTests(once);
    passTests(once);
    contractTests(once);
  });
}
