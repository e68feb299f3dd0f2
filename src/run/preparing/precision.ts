/** The precision of a run's convolutions. */
import type { ConvolutionAlgorithms, Engine } from '../../engine/engine.ts';
import type { Precision } from '../../program/precision.ts';
import { methods } from '../../search/methods/table.ts';
import type { Settings } from '../../search/settings.ts';
import { UserError } from '../../util/user-error.ts';
import type { Config } from '../record/config.ts';

export function refusePrecision(asked: Precision | 'auto' | undefined, { precisions, fingerprint }: Engine): void {
  if (asked === undefined || asked === 'auto' || precisions.includes(asked)) return;
  const able = `${fingerprint.engine} computes in ${precisions.join(' or ')} on this processor (${fingerprint.instructionSet})`;
  throw new UserError(`--precision ${asked}: engine ${able}`);
}

/** f32 is left out, as runs did before there was a choice. */
export function precisionOf(
  { precision = 'auto', convolution }: { readonly precision?: Precision | 'auto'; readonly convolution?: ConvolutionAlgorithms },
  { method }: Settings,
  { precisions }: Engine,
): Pick<Config['engine'], 'precision'> {
  const usual = methods[method].continuous && convolution !== 'direct' ? precisions[0] : 'f32';
  const chosen = precision === 'auto' ? usual : precision;
  return chosen === 'bf16' ? { precision: chosen } : {};
}
