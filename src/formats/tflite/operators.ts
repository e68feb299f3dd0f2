/**
 * The operators of TensorFlow Lite that files use: their codes in the schema, and the first version of each that takes numbers as the
 * files have them (tools/versioning/op_version.cc of TensorFlow Lite).
 */
import type { OptionsName, Table } from './schema.ts';

interface Operator {
  readonly code: number;
  /** With inputs in f32 or in bytes; null: the file has none such. */
  readonly float: number | null;
  readonly int8: number | null;
  readonly options: OptionsName | null;
}

const row = <Name extends OptionsName | null>(code: number, float: number | null, int8: number | null, options: Name) => ({
  code,
  float,
  int8,
  options,
});

export const operators = {
  add: row(0, 1, 2, 'AddOptions'),
  'average-pool': row(1, 1, 2, 'Pool2DOptions'),
  concatenation: row(2, 1, 2, 'ConcatenationOptions'),
  convolution: row(3, 1, 3, 'Conv2DOptions'),
  'grouped-convolution': row(3, 6, 6, 'Conv2DOptions'),
  depthwise: row(4, 1, 3, 'DepthwiseConv2DOptions'),
  'dilated-depthwise': row(4, 2, 3, 'DepthwiseConv2DOptions'),
  dequantise: row(6, null, 2, 'DequantizeOptions'),
  'response-normalization': row(13, 1, null, 'LocalResponseNormalizationOptions'),
  logistic: row(14, 1, 2, null),
  'max-pool': row(17, 1, 2, 'Pool2DOptions'),
  // Version 3 takes factors of 1 and more between scales.
  multiply: row(18, 1, 3, 'MulOptions'),
  relu: row(19, 1, 2, null),
  'relu-n1-to-1': row(20, 1, null, null),
  relu6: row(21, 1, null, null),
  reshape: row(22, 1, 1, 'ReshapeOptions'),
  pad: row(34, 1, 2, 'PadOptions'),
  gather: row(36, 1, 2, 'GatherOptions'),
  mean: row(40, 1, 2, 'ReducerOptions'),
  subtract: row(41, 1, null, 'SubOptions'),
  maximum: row(55, 1, 2, 'MaximumMinimumOptions'),
  minimum: row(57, 1, 2, 'MaximumMinimumOptions'),
  'pad-by': row(60, 1, 2, 'PadV2Options'),
  'reciprocal-root': row(76, 1, null, null),
  quantise: row(114, 1, 1, 'QuantizeOptions'),
  'hard-swish': row(117, 1, 1, 'HardSwishOptions'),
  gelu: row(150, 1, 2, 'GeluOptions'),
} satisfies Readonly<Record<string, Operator>>;

export type OperatorName = keyof typeof operators;
/** The fields of an operator's options. */
export type OptionsOf<Name extends OperatorName> = (typeof operators)[Name]['options'] extends infer Kind extends OptionsName
  ? Omit<Table<Kind>, 'kind'>
  : Record<string, never>;
