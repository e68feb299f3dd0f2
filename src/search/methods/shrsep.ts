/** SHRsep: SHR with separable convolutions among the operators. §3.2.6, §4.2.4. */
import { paperOperatorsWithSeparable } from '../../morphism/operators.ts';
import type { Method } from './method.ts';
import { shr } from './shr.ts';

export const shrsep: Method = {
  ...shr,
  label: 'SHRsep',
  summary: 'SHR with separable convolutions',
  operators: paperOperatorsWithSeparable,
};
