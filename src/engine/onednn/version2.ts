/**
 * oneDNN 2: a memory descriptor is a struct, and a primitive descriptor is made from an operation descriptor, another struct.
 * Sizes and offsets are those of dnnl_types.h, fixed within the major version.
 */
import koffi, { type LibraryHandle } from 'koffi';
import { assert } from '../../util/assert.ts';
import type { Adapter, Descriptor, OperationKind, OperationOf, Status, PrimitiveContext } from './adapter.ts';
import { binderOf, blockedFormat, commonOf, dims, flagsOf, forward } from './binding.ts';
import { f32, formatTagAny, propagation, status, version2 } from './constants.ts';

/** sizeof(dnnl_memory_desc_t). */
const descriptorSize = 696;
/** offsetof(dnnl_memory_desc_t, format_kind), an int. */
const formatKindOffset = 312;
/** offsetof(dnnl_memory_desc_t, extra.flags), a u64: compensation and the like. */
const extraFlagsOffset = 616;
/** Decoded by copying. (A view of the library's memory would be cheaper, but koffi 3.3 never gives views back.) */
const descriptorType = koffi.array('uint8_t', descriptorSize, 'Typed');
/** Larger than any operation descriptor: sizeof(dnnl_rnn_desc_t) is 15344. */
const operationSize = 16384;

function struct(descriptor: Descriptor): Uint8Array {
  assert(typeof descriptor !== 'bigint', () => 'a descriptor of version 2');
  return descriptor;
}

function array(descriptors: readonly Descriptor[]): Uint8Array {
  const bytes = new Uint8Array(descriptors.length * descriptorSize);
  descriptors.forEach((descriptor, index) => bytes.set(struct(descriptor), index * descriptorSize));
  return bytes;
}

const noHint = (): null => null;

const must = (code: Status, what: string): void =>
  assert(code === status.success, () => `oneDNN refused ${what}: status ${code}`);

export function openVersion2(library: LibraryHandle): Adapter {
  const bind = binderOf(library);
  const p = 'void *';
  const initByStrides = bind('memory_desc_init_by_strides', p, 'int', p, 'int', p);
  const initByTag = bind('memory_desc_init_by_tag', p, 'int', p, 'int', 'int');
  const initSubmemory = bind('memory_desc_init_submemory', p, p, p, p);
  const { equal, size, queryDescriptor, postOpsCreate, postOpsDestroy, setPostOps } = commonOf(library);
  const createDescriptor = bind('primitive_desc_create', p, p, p, p, p);
  const postOpsAppendSum = bind('post_ops_append_sum', p, 'float');

  const init = {
    convolution: bind('convolution_forward_desc_init', p, 'int', 'int', p, p, p, p, p, p, p),
    convolutionData: bind('convolution_backward_data_desc_init', p, 'int', p, p, p, p, p, p),
    convolutionWeights: bind('convolution_backward_weights_desc_init', p, 'int', p, p, p, p, p, p, p),
    innerProduct: bind('inner_product_forward_desc_init', p, 'int', p, p, p, p),
    innerProductData: bind('inner_product_backward_data_desc_init', p, p, p, p),
    innerProductWeights: bind('inner_product_backward_weights_desc_init', p, p, p, p, p),
    normalization: bind('batch_normalization_forward_desc_init', p, 'int', p, 'float', 'uint'),
    normalizationBackward: bind('batch_normalization_backward_desc_init', p, 'int', p, p, 'float', 'uint'),
    eltwise: bind('eltwise_forward_desc_init', p, 'int', 'int', p, 'float', 'float'),
    eltwiseBackward: bind('eltwise_backward_desc_init', p, 'int', p, p, 'float', 'float'),
    pool: bind('pooling_forward_desc_init', p, 'int', 'int', p, p, p, p, p, p),
    poolBackward: bind('pooling_backward_desc_init', p, 'int', p, p, p, p, p, p),
    binary: bind('binary_desc_init', p, 'int', p, p, p),
  };
  const concat = bind('concat_primitive_desc_create', p, p, 'int', 'int', p, p, p);
  const sum = bind('sum_primitive_desc_create', p, p, 'int', p, p, p, p);
  const reorder = bind('reorder_primitive_desc_create', p, p, p, p, p, p);

  const operation = new Uint8Array(operationSize);
  type Create<K extends OperationKind> = (o: OperationOf<K>, context: PrimitiveContext, result: BigInt64Array) => Status;
  /** Rows whose operation descriptor is filled by `fill`. */
  const described =
    <K extends OperationKind>(
      fill: (o: OperationOf<K>) => Status,
      hint: (o: OperationOf<K>) => bigint | null,
      accumulates: (o: OperationOf<K>) => boolean = () => false,
    ): Create<K> =>
    (o, context, result) => {
      operation.fill(0);
      const filled = fill(o);
      if (filled !== status.success) return filled;
      const attributes = accumulates(o) ? context.accumulating : context.attributes;
      return createDescriptor(result, operation, attributes, context.engine, hint(o));
    };

  const creators: { readonly [K in OperationKind]: Create<K> } = {
    convolution: described((o) => {
      const [strides, padding] = [dims(o.strides), dims(o.padding)];
      const { source, weights, bias, destination } = o;
      const kind = forward(o.training);
      return init.convolution(operation, kind, o.algorithm, source, weights, bias, destination, strides, padding, padding);
    }, noHint),
    'convolution-backward-data': described(
      (o) => {
        const [strides, padding] = [dims(o.strides), dims(o.padding)];
        const { sourceGradient, weights, destinationGradient } = o;
        return init.convolutionData(
          operation,
          o.algorithm,
          sourceGradient,
          weights,
          destinationGradient,
          strides,
          padding,
          padding,
        );
      },
      (o) => o.hint,
    ),
    'convolution-backward-weights': described(
      (o) => {
        const [strides, padding] = [dims(o.strides), dims(o.padding)];
        const { source, weightsGradient, biasGradient, destinationGradient } = o;
        const descriptors = [source, weightsGradient, biasGradient, destinationGradient];
        return init.convolutionWeights(operation, o.algorithm, ...descriptors, strides, padding, padding);
      },
      (o) => o.hint,
    ),
    'inner-product': described(
      (o) => init.innerProduct(operation, forward(o.training), o.source, o.weights, o.bias, o.destination),
      noHint,
    ),
    'inner-product-backward-data': described(
      (o) => init.innerProductData(operation, o.sourceGradient, o.weights, o.destinationGradient),
      (o) => o.hint,
    ),
    'inner-product-backward-weights': described(
      (o) => init.innerProductWeights(operation, o.source, o.weightsGradient, o.biasGradient, o.destinationGradient),
      (o) => o.hint,
    ),
    'batch-normalization': described(
      (o) => init.normalization(operation, forward(o.training), o.data, o.epsilon, flagsOf(o.flags, version2)),
      noHint,
    ),
    'batch-normalization-backward': described(
      (o) =>
        init.normalizationBackward(operation, propagation.backward, o.gradient, o.data, o.epsilon, flagsOf(o.flags, version2)),
      (o) => o.hint,
    ),
    relu: described((o) => init.eltwise(operation, forward(o.training), version2.reluFromOutput, o.data, 0, 0), noHint),
    'relu-backward': described(
      (o) => init.eltwiseBackward(operation, version2.reluFromOutput, o.gradient, o.output, 0, 0),
      (o) => o.hint,
    ),
    pool: described((o) => {
      const [strides, kernel, padding] = [dims(o.strides), dims(o.kernel), dims(o.padding)];
      const { source, destination } = o;
      return init.pool(operation, forward(o.training), o.algorithm, source, destination, strides, kernel, padding, padding);
    }, noHint),
    'pool-backward': described(
      (o) => {
        const [strides, kernel, padding] = [dims(o.strides), dims(o.kernel), dims(o.padding)];
        const { sourceGradient, destinationGradient } = o;
        return init.poolBackward(operation, o.algorithm, sourceGradient, destinationGradient, strides, kernel, padding, padding);
      },
      (o) => o.hint,
    ),
    binary: described(
      (o) => init.binary(operation, o.algorithm, o.first, o.second, o.destination),
      noHint,
      (o) => o.accumulate,
    ),
    sum: (o, context, result) => {
      const scales = Float32Array.from(o.scales);
      return sum(result, o.destination, o.sources.length, scales, array(o.sources), context.attributes, context.engine);
    },
    concat: (o, context, result) =>
      concat(result, o.destination, o.sources.length, 1, array(o.sources), context.attributes, context.engine),
    reorder: (o, context, result) => reorder(result, o.source, context.engine, o.destination, context.engine, context.attributes),
  };

  return {
    normalizationGradientReadsShift: true,
    strided(dimensions, strides) {
      const result = new Uint8Array(descriptorSize);
      must(initByStrides(result, dimensions.length, dims(dimensions), f32, dims(strides)), `a memory of ${dimensions.join('×')}`);
      return result;
    },
    any(dimensions) {
      const result = new Uint8Array(descriptorSize);
      must(initByTag(result, dimensions.length, dims(dimensions), f32, formatTagAny), `a memory of ${dimensions.join('×')}`);
      return result;
    },
    submemory(parent, dimensions, offsets) {
      const result = new Uint8Array(descriptorSize);
      return initSubmemory(result, parent, dims(dimensions), dims(offsets)) === status.success ? result : null;
    },
    equal: (a, b) => equal(a, b) !== 0,
    size: (descriptor) => Number(size(descriptor)),
    isBlocked(descriptor) {
      const view = new DataView(struct(descriptor).buffer, struct(descriptor).byteOffset);
      return view.getInt32(formatKindOffset, true) === blockedFormat && view.getBigUint64(extraFlagsOffset, true) === 0n;
    },
    query(primitive, what) {
      const pointer = queryDescriptor(primitive, what, 0);
      return pointer === null || pointer === 0n ? null : (koffi.decode(pointer, descriptorType) as Uint8Array);
    },
    release: () => undefined,
    create(o, context, result) {
      const row = creators[o.kind] as Create<OperationKind>;
      return row(o, context, result);
    },
    accumulate(attributes) {
      const pointer = new BigInt64Array(1);
      const made = postOpsCreate(pointer);
      if (made !== status.success) return made;
      const postOps = pointer[0];
      const appended = postOpsAppendSum(postOps, 1) || setPostOps(attributes, postOps);
      postOpsDestroy(postOps);
      return appended;
    },
  };
}
