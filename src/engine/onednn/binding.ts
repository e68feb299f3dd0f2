/** What the adapters of both versions share: calls into the library, and the arguments that describe an operation. */
import type { Descriptor, NormalizationFlags, Operation, OperationKind, OperationOf, Status, Window } from './adapter.ts';
import {
  responseAcrossChannels,
  propagation,
  reluFromOutput,
  status,
  useGlobalStatistics,
  type VersionConstants,
} from './constants.ts';
import type { Response } from '../../network/network.ts';
import type { LibraryHandle } from '../../util/koffi.ts';

interface Scalar {
  readonly type: 'int' | 'uint' | 'int64_t' | 'float';
  readonly value: number;
}

/** An argument of a C function: a scalar, or what is passed as a pointer. */
export type Argument = Scalar | Descriptor | BigInt64Array | Float32Array | Int32Array | null;

export const int = (value: number): Scalar => ({ type: 'int', value });
export const float = (value: number): Scalar => ({ type: 'float', value });

export const dims = (values: readonly number[]): BigInt64Array => BigInt64Array.from(values, BigInt);

type Native = (...values: unknown[]) => number;

const isScalar = (value: Argument): value is Scalar => value !== null && typeof value === 'object' && 'type' in value;

/** Calls `dnnl_<name>`, whose parameters have the types of the arguments. */
export function callerOf(library: LibraryHandle): (name: string, ...values: readonly Argument[]) => Status {
  const bound = new Map<string, Native>();
  return (name, ...values) => {
    const types = (): string[] => values.map((value) => (isScalar(value) ? value.type : 'void *'));
    const call = bound.get(name) ?? (library.func(`dnnl_${name}`, 'int', types()) as unknown as Native);
    bound.set(name, call);
    return call(...values.map((value) => (isScalar(value) ? value.value : value)));
  };
}

/** Functions of the same signature in both versions. */
export const commonOf = (library: LibraryHandle) => ({
  equal: library.func('dnnl_memory_desc_equal', 'int', ['void *', 'void *']) as unknown as Native,
  size: library.func('dnnl_memory_desc_get_size', 'size_t', ['void *']) as unknown as Native,
  queryDescriptor: library.func('dnnl_primitive_desc_query_md', 'void *', ['void *', 'int', 'int']) as (
    ...values: unknown[]
  ) => bigint | null,
});

/** `Adapter.accumulate`; `more`: the arguments of `dnnl_post_ops_append_sum` behind the scale. */
export function accumulate(call: ReturnType<typeof callerOf>, attributes: bigint, ...more: readonly Argument[]): Status {
  const pointer = new BigInt64Array(1);
  const made = call('post_ops_create', pointer);
  if (made !== status.success) return made;
  const postOps = pointer[0] as bigint;
  const appended =
    call('post_ops_append_sum', postOps, float(1), ...more) || call('primitive_attr_set_post_ops', attributes, postOps);
  call('post_ops_destroy', postOps);
  return appended;
}

const forward = ({ training }: { readonly training: boolean }): Scalar =>
  int(training ? propagation.training : propagation.inference);

const flagsOf = (flags: NormalizationFlags, { useScale, useShift, fuseRelu }: VersionConstants): Scalar => ({
  type: 'uint',
  value:
    (flags.globalStatistics ? useGlobalStatistics : 0) |
    (flags.scaleAndShift ? useScale | useShift : 0) |
    (flags.relu ? fuseRelu : 0),
});

/** Version 3 takes a descriptor for the source and one for the destination, version 2 one for both. */
const both = (data: Descriptor, { major }: VersionConstants): Descriptor[] => (major === 2 ? [data] : [data, data]);

/** Strides, the kernel of a pool, dilations (in version 2 of a dilated convolution), and the padding before and behind. */
function geometry(
  { strides, padding, behind = padding, dilation }: Window,
  { major }: VersionConstants,
  kernel?: readonly number[],
): Argument[] {
  // Pixels between two of a window.
  const between = (dilation ?? 1) - 1;
  const isTold = major === 3 || dilation !== undefined;
  const inside = [...(kernel === undefined ? [] : [dims(kernel)]), ...(isTold ? [dims([between, between])] : [])];
  return [dims(strides), ...inside, dims(padding), dims(behind)];
}

const responseOf = ({ size, alpha, beta, bias }: Response): Scalar[] => [
  { type: 'int64_t', value: size },
  ...[alpha, beta, bias].map(float),
];

/** Operations over a fixed number of tensors. */
type Described = Exclude<OperationKind, 'sum' | 'concat' | 'reorder'>;
type Call = readonly [name: string, ...values: readonly Argument[]];

/** Version 2 has functions of their own for dilated ones. */
const convolutionName = ({ dilation }: Window, { major }: VersionConstants, pass: string): string =>
  `${major === 2 && dilation !== undefined ? 'dilated_' : ''}convolution_${pass}`;

const calls: { readonly [K in Described]: (o: OperationOf<K>, version: VersionConstants) => Call } = {
  convolution: (o, v) => {
    const descriptors = [o.source, o.weights, o.bias, o.destination];
    return [convolutionName(o, v, 'forward'), forward(o), int(o.algorithm), ...descriptors, ...geometry(o, v)];
  },
  'convolution-backward-data': (o, v) => {
    const descriptors = [o.sourceGradient, o.weights, o.destinationGradient];
    return [convolutionName(o, v, 'backward_data'), int(o.algorithm), ...descriptors, ...geometry(o, v)];
  },
  'convolution-backward-weights': (o, v) => {
    const descriptors = [o.source, o.weightsGradient, o.biasGradient, o.destinationGradient];
    return [convolutionName(o, v, 'backward_weights'), int(o.algorithm), ...descriptors, ...geometry(o, v)];
  },
  'inner-product': (o) => ['inner_product_forward', forward(o), o.source, o.weights, o.bias, o.destination],
  'inner-product-backward-data': (o) => ['inner_product_backward_data', o.sourceGradient, o.weights, o.destinationGradient],
  'inner-product-backward-weights': (o) => {
    const descriptors = [o.source, o.weightsGradient, o.biasGradient, o.destinationGradient];
    return ['inner_product_backward_weights', ...descriptors];
  },
  'batch-normalization': (o, v) => {
    const parameters = [float(o.epsilon), flagsOf(o.flags, v)];
    return ['batch_normalization_forward', forward(o), ...both(o.data, v), ...parameters];
  },
  'batch-normalization-backward': (o, v) => {
    const parameters = [float(o.epsilon), flagsOf(o.flags, v)];
    return ['batch_normalization_backward', int(propagation.backward), ...both(o.gradient, v), o.data, ...parameters];
  },
  'layer-normalization': (o, v) => {
    const parameters = [o.statistics, float(o.epsilon), flagsOf(o.flags, v)];
    return ['layer_normalization_forward', forward(o), ...both(o.data, v), ...parameters];
  },
  'layer-normalization-backward': (o, v) => {
    const parameters = [o.data, o.statistics, float(o.epsilon), flagsOf(o.flags, v)];
    return ['layer_normalization_backward', int(propagation.backward), ...both(o.gradient, v), ...parameters];
  },
  response: (o, v) => ['lrn_forward', forward(o), int(responseAcrossChannels), ...both(o.data, v), ...responseOf(o)],
  'response-backward': (o, v) => ['lrn_backward', int(responseAcrossChannels), ...both(o.gradient, v), o.data, ...responseOf(o)],
  relu: (o, v) => ['eltwise_forward', forward(o), int(reluFromOutput), ...both(o.data, v), float(0), float(0)],
  'relu-backward': (o, v) => ['eltwise_backward', int(reluFromOutput), ...both(o.gradient, v), o.output, float(0), float(0)],
  elementwise: (o, v) => {
    const numbers = [float(o.alpha), float(o.beta)];
    return ['eltwise_forward', forward(o), int(v.elementwise[o.algorithm]), ...both(o.data, v), ...numbers];
  },
  'elementwise-backward': (o, v) => {
    const numbers = [float(o.alpha), float(o.beta)];
    return ['eltwise_backward', int(v.elementwise[o.algorithm]), ...both(o.gradient, v), o.input, ...numbers];
  },
  pool: (o, v) => ['pooling_forward', forward(o), int(o.algorithm), o.source, o.destination, ...geometry(o, v, o.kernel)],
  'pool-backward': (o, v) => {
    const descriptors = [o.sourceGradient, o.destinationGradient];
    return ['pooling_backward', int(o.algorithm), ...descriptors, ...geometry(o, v, o.kernel)];
  },
  binary: (o) => ['binary', int(o.algorithm), o.first, o.second, o.destination],
};

/** The C function of an operation, without the suffix of the version, and the arguments that describe the operation. */
export const callOf = (operation: Extract<Operation, { kind: Described }>, version: VersionConstants): Call =>
  (calls[operation.kind] as (o: Operation, version: VersionConstants) => Call)(operation, version);

/** Strides and blocks, of `dnnl_format_kind_t`. */
export const blockedFormat = 2;
