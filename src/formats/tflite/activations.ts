/** Activations besides ReLU as operators of TensorFlow Lite, in f32 or in bytes. */
import type { OperationOf } from '../../deploy/deployed.ts';
import type { Quantisation } from '../../deploy/quantise.ts';
import { askActivation, type ActivationTable } from '../../network/activations.ts';
import type { Value } from './graph.ts';
import { fusedFunctions } from './schema.ts';
import { bounded, computed, firstInput, requantised, result, scalar, times, type Context } from './values.ts';

/** What LOGISTIC gives in bytes: 0 to 1, by the format's specification. */
const shares: Quantisation = { scale: 1 / 256, zero: -128 };
/** The bytes of 0 to 6. */
const toSix: Quantisation = { scale: Math.fround(6 / 255), zero: -128 };

const logistic = (c: Context): Value => computed(c, 'logistic', [firstInput(c)], { dims: c.dims, quantisation: c.to && shares });

const activations: ActivationTable<[c: Context], Value> = {
  clip: (of, c) => bounded(c, requantised(c, firstInput(c), c.to), of),
  /** min(max(6·slope·x + 6·offset, 0), 6)/6 */
  'hard-sigmoid'({ slope, offset }, c) {
    const slid = times(c, firstInput(c), 6 * slope);
    const by = scalar(c, 6 * offset, slid, 127);
    const sum = computed(c, 'add', [slid, by], { dims: c.dims, quantisation: c.to && toSix }, { fused: fusedFunctions.relu6 });
    return result(c, 'multiply', [sum, scalar(c, 1 / 6, sum)], { fused: fusedFunctions.none });
  },
  'hard-swish': (_of, c) => result(c, 'hard-swish', [firstInput(c)]),
  sigmoid: (_of, c) => requantised(c, logistic(c), c.to),
  silu: (_of, c) => result(c, 'multiply', [firstInput(c), logistic(c)], { fused: fusedFunctions.none }),
  gelu: ({ by }, c) => result(c, 'gelu', [firstInput(c)], { approximate: by === 'tanh' }),
};

export const activationOperators = ({ function: of }: OperationOf<'activation'>, c: Context): Value =>
  askActivation(activations, of, c);
