/**
 * The contract of an optimizer. To add one, write its file and its line in `table.ts`: engines, checkpoints and settings follow.
 * `test/engine/conformance/optimizers.ts` runs over the table.
 */
import type { Expression, Assignment } from '../expression.ts';

/** What is kept of each parameter between minibatches, as tensor `<parameter>/<name>`. It starts at zero. */
export interface OptimizerState {
  readonly name: string;
  readonly shape: 'parameter' | 'scalar';
  /** What becomes of it where a schedule starts anew. */
  readonly restart: 'zero' | 'keep';
  /** What becomes of it where a morphism widens the parameter: all of it zero, or its old elements kept and the new ones zero. */
  readonly widened: 'zero' | 'keep';
}

/**
 * A checkpoint holds every state, so that training goes on from it to the bit. Results and exports hold none (`training/weights.ts`).
 */
export interface Optimizer {
  readonly states: readonly OptimizerState[];
  /**
   * The new states, in order; then parameter ← parameter − rate·direction. Operands are `parameter`, `rate` and the states' names;
   * `gradient` has coupled weight decay in it. Where all of them are 0, so must be what is computed: engines compute padding too.
   */
  update(
    gradient: Expression,
    settings: OptimizerSettings,
  ): { readonly assignments: readonly Assignment[]; readonly direction: Expression };
}

export interface OptimizerSettings {
  readonly momentum: number;
}

export const stateName = (parameter: string, state: OptimizerState): string => `${parameter}/${state.name}`;
