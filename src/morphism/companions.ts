/**
 * Tensors that accompany parameters, such as the states of an optimizer: an edit moves them as it moves the parameter, and gives
 * new parts zeros. It knows no optimizer.
 */
import type { NamedParameter } from '../network/parameters.ts';
import type { Tensor, Tensors } from '../network/tensor.ts';
import type { Random } from '../util/random.ts';
import type { TensorSource } from './operator.ts';
import { type Resize, resizeTensor } from './tensors.ts';

/** A tensor that is kept for each parameter, as `<parameter>/<name>`. */
export interface Companion {
  readonly name: string;
  /** `scalar`: (1), whatever the parameter's shape. */
  readonly shape: 'parameter' | 'scalar';
  /**
   * Of a parameter that an edit resizes, where a job carries companions over to a child: kept parts keep their numbers and new
   * parts start at zero; `zero`: all parts do. A scalar that is kept stays as it is.
   */
  readonly widened: 'zero' | 'keep';
}

export const companionName = (parameter: string, { name }: Pick<Companion, 'name'>): string => `${parameter}/${name}`;

/**
 * The old parameter whose companions a new or changed one gets; undefined where it gets none. Numbers that are scaled are other
 * numbers: what was gathered for the old ones does not fit them.
 */
function followed(source: TensorSource): string | undefined {
  switch (source.kind) {
    case 'identity':
    case 'constant':
    case 'cropped':
    case 'depthwise-factor':
    case 'pointwise-factor':
      return undefined;
    case 'shared':
      return source.from;
    case 'scaled':
      return source.factor === 1 ? source.from : undefined;
  }
}

/** How an edit changes one parameter. Without a source or a resize it stays as it is. */
export interface Change {
  readonly source: TensorSource | undefined;
  readonly resize: Resize | undefined;
}

/** The companions of a parameter after an edit, by name. Those that are missing stand for zeros. */
export function moveCompanions(
  companions: readonly Companion[],
  parameter: NamedParameter,
  { source, resize }: Change,
  old: Tensors,
  random: Random,
): Tensors {
  const from = source === undefined ? parameter.name : followed(source);
  if (from === undefined) return {};
  return Object.fromEntries(
    companions.flatMap((companion): [string, Tensor][] => {
      const tensor = old[companionName(from, companion)];
      if (tensor === undefined || (resize !== undefined && companion.widened === 'zero')) return [];
      const name = companionName(parameter.name, companion);
      if (resize === undefined || companion.shape === 'scalar') return [[name, tensor]];
      return [[name, resizeTensor(tensor, { ...parameter, name, initial: { value: 0 } }, resize, random)]];
    }),
  );
}
