/**
 * The contract of an optimizer. To add one, write its file and its line in `table.ts`: engines, checkpoints and settings follow.
 * `test/engine/conformance/optimizers.ts` runs over the table.
 */
import { companionName, type Companion } from '../../morphism/companions.ts';
import type { Expression, Assignment } from '../expression.ts';

/** A tensor that is kept for each parameter, `<parameter>/<name>`. It starts at zero. */
export interface OptimizerState extends Companion {
  /** At a restart of the schedule. */
  readonly restart: 'zero' | 'keep';
}

/**
 * Checkpoints hold all states, so that a training resumes exactly. Results and exports hold none (`training/weights.ts`).
 */
export interface Optimizer {
  readonly states: readonly OptimizerState[];
  /**
   * The new states, in order; then parameter ← parameter − rate·direction. Operands are `parameter`, `rate` and the states' names;
   * `gradient` includes coupled weight decay. Of zeros it must compute zeros: engines update the padding of a layout too.
   */
  update(
    gradient: Expression,
    settings: OptimizerSettings,
  ): { readonly assignments: readonly Assignment[]; readonly direction: Expression };
}

export interface OptimizerSettings {
  readonly momentum: number;
}

export const stateName: (parameter: string, state: OptimizerState) => string = companionName;
