/**
 * The contract of an optimizer. To add one, write its file and its line in `table.ts`: engines, checkpoints and settings follow.
 * `test/engine/conformance/optimizers.ts` runs over the table.
 */
import type { Expression, Assignment } from '../expression.ts';

/** A tensor that is kept for each parameter, `<parameter>/<name>`. It starts at zero. */
export interface OptimizerState {
  readonly name: string;
  readonly shape: 'parameter' | 'scalar';
  /** At a restart of the schedule. */
  readonly restart: 'zero' | 'keep';
  /** Of a tensor that an edit widens, where a method carries state over to a child: new parts start at zero; `zero`: all do. */
  readonly widened: 'zero' | 'keep';
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

export const stateName = (parameter: string, state: OptimizerState): string => `${parameter}/${state.name}`;
