/** Tensors whose numbers are known while a model is read: constants, and the extents of tensors. */
import { constantValue, type OpContext, type Value } from './value.ts';

/** A number; 'N' is the number of images. */
export type Entry = number | 'N';

export interface Known {
  readonly dims: readonly number[];
  /** Row-major. */
  readonly values: ArrayLike<Entry>;
  /** Floats, or whole numbers. */
  readonly floating: boolean;
}

/** Undefined for what is computed from the image. */
export function knownOf(value: Value): Known | undefined {
  if (value.kind === 'extents') return { dims: value.dims, values: value.values, floating: false };
  if (value.kind !== 'constant') return undefined;
  const { dims, numbers } = value.constant;
  return { dims, values: numbers.values, floating: numbers.kind === 'floats' };
}

/** Most whole numbers of a tensor that is computed. */
const mostWhole = 4096;

export function knownValue(op: OpContext, { dims, values, floating }: Known): Value {
  const list = Array.from(values);
  if (!op.builder.spend(list.length)) throw op.fail('too many numbers');
  if (!floating) {
    if (list.length > mostWhole) throw op.fail(`a shape of ${list.length} numbers`);
    if (list.includes('N')) return { kind: 'extents', values: list, dims };
    return constantValue(op.rewritten, { dims, numbers: { kind: 'integers', values: list as number[] } }, op.fail);
  }
  if (list.includes('N')) throw op.fail('it computes with the number of images');
  const numbers = Float32Array.from(list as number[]);
  if (!numbers.every(Number.isFinite)) throw op.fail('a number that is not finite');
  return constantValue(op.rewritten, { dims, numbers: { kind: 'floats', values: numbers } }, op.fail);
}
