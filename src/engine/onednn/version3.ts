/**
 * oneDNN 3: memory descriptors and primitive descriptors are opaque, and the latter are made in one call. In place of the
 * struct there are queries.
 */
import type { LibraryHandle } from 'koffi';
import { assert } from '../../util/assert.ts';
import type { Adapter, Descriptor, Operation, OperationKind, OperationOf, Status, PrimitiveContext } from './adapter.ts';
import { binderOf, blockedFormat, commonOf, dims, flagsOf, forward } from './binding.ts';
import { f32, formatTagAny, propagation, status, version3 } from './constants.ts';

/** `dnnl_query_format_kind`. */
const queryFormatKind = 262;
/** `dnnl_data_type_undef`: a sum takes that of its destination. */
const destinationType = 0;

const noDilation = dims([0, 0]);

function handle(descriptor: Descriptor): bigint {
  assert(typeof descriptor === 'bigint', () => 'a descriptor of version 3');
  return descriptor;
}

const array = (descriptors: readonly Descriptor[]): BigInt64Array => BigInt64Array.from(descriptors, handle);

export function openVersion3(library: LibraryHandle): Adapter {
  const bind = binderOf(library);
  const p = 'void *';
  const createWithStrides = bind('memory_desc_create_with_strides', p, 'int', p, 'int', p);
  const createWithTag = bind('memory_desc_create_with_tag', p, 'int', p, 'int', 'int');
  const createSubmemory = bind('memory_desc_create_submemory', p, p, p, p);
  const clone = bind('memory_desc_clone', p, p);
  const destroy = bind('memory_desc_destroy', p);
  const queryMemory = bind('memory_desc_query', p, 'int', p);
  const { equal, size, queryDescriptor, postOpsCreate, postOpsDestroy, setPostOps } = commonOf(library);
  const postOpsAppendSum = bind('post_ops_append_sum', p, 'float', 'int32_t', 'int');

  const make = (name: string, ...parameters: string[]) => bind(`${name}_primitive_desc_create`, p, p, ...parameters);
  const native = {
    convolution: make('convolution_forward', 'int', 'int', p, p, p, p, p, p, p, p, p),
    convolutionData: make('convolution_backward_data', 'int', p, p, p, p, p, p, p, p, p),
    convolutionWeights: make('convolution_backward_weights', 'int', p, p, p, p, p, p, p, p, p, p),
    innerProduct: make('inner_product_forward', 'int', p, p, p, p, p),
    innerProductData: make('inner_product_backward_data', p, p, p, p, p),
    innerProductWeights: make('inner_product_backward_weights', p, p, p, p, p, p),
    normalization: make('batch_normalization_forward', 'int', p, p, 'float', 'uint', p),
    normalizationBackward: make('batch_normalization_backward', 'int', p, p, p, 'float', 'uint', p, p),
    eltwise: make('eltwise_forward', 'int', 'int', p, p, 'float', 'float', p),
    eltwiseBackward: make('eltwise_backward', 'int', p, p, p, 'float', 'float', p, p),
    pool: make('pooling_forward', 'int', 'int', p, p, p, p, p, p, p, p),
    poolBackward: make('pooling_backward', 'int', p, p, p, p, p, p, p, p, p),
    binary: make('binary', 'int', p, p, p, p),
    concat: make('concat', p, 'int', 'int', p, p),
    sum: make('sum', p, 'int', p, p, p),
    reorder: bind('reorder_primitive_desc_create', p, p, p, p, p, p),
  };

  type Create<K extends OperationKind> = (o: OperationOf<K>, context: PrimitiveContext, result: BigInt64Array) => Status;
  const creators: { readonly [K in OperationKind]: Create<K> } = {
    convolution(o, { engine, attributes }, result) {
      const [strides, padding] = [dims(o.strides), dims(o.padding)];
      const descriptors = [o.source, o.weights, o.bias, o.destination];
      const geometry = [strides, noDilation, padding, padding];
      return native.convolution(result, engine, forward(o.training), o.algorithm, ...descriptors, ...geometry, attributes);
    },
    'convolution-backward-data'(o, { engine, attributes }, result) {
      const [strides, padding] = [dims(o.strides), dims(o.padding)];
      const descriptors = [o.sourceGradient, o.weights, o.destinationGradient];
      const geometry = [strides, noDilation, padding, padding];
      return native.convolutionData(result, engine, o.algorithm, ...descriptors, ...geometry, o.hint, attributes);
    },
    'convolution-backward-weights'(o, { engine, attributes }, result) {
      const [strides, padding] = [dims(o.strides), dims(o.padding)];
      const descriptors = [o.source, o.weightsGradient, o.biasGradient, o.destinationGradient];
      const geometry = [strides, noDilation, padding, padding];
      return native.convolutionWeights(result, engine, o.algorithm, ...descriptors, ...geometry, o.hint, attributes);
    },
    'inner-product': (o, { engine, attributes }, result) =>
      native.innerProduct(result, engine, forward(o.training), o.source, o.weights, o.bias, o.destination, attributes),
    'inner-product-backward-data': (o, { engine, attributes }, result) =>
      native.innerProductData(result, engine, o.sourceGradient, o.weights, o.destinationGradient, o.hint, attributes),
    'inner-product-backward-weights'(o, { engine, attributes }, result) {
      const descriptors = [o.source, o.weightsGradient, o.biasGradient, o.destinationGradient];
      return native.innerProductWeights(result, engine, ...descriptors, o.hint, attributes);
    },
    'batch-normalization': (o, { engine, attributes }, result) =>
      native.normalization(
        result,
        engine,
        forward(o.training),
        o.data,
        o.data,
        o.epsilon,
        flagsOf(o.flags, version3),
        attributes,
      ),
    'batch-normalization-backward'(o, { engine, attributes }, result) {
      const descriptors = [o.gradient, o.gradient, o.data];
      const parameters = [o.epsilon, flagsOf(o.flags, version3), o.hint, attributes];
      return native.normalizationBackward(result, engine, propagation.backward, ...descriptors, ...parameters);
    },
    relu: (o, { engine, attributes }, result) =>
      native.eltwise(result, engine, forward(o.training), version3.reluFromOutput, o.data, o.data, 0, 0, attributes),
    'relu-backward'(o, { engine, attributes }, result) {
      const descriptors = [o.gradient, o.gradient, o.output];
      return native.eltwiseBackward(result, engine, version3.reluFromOutput, ...descriptors, 0, 0, o.hint, attributes);
    },
    pool(o, { engine, attributes }, result) {
      const geometry = [dims(o.strides), dims(o.kernel), noDilation, dims(o.padding), dims(o.padding)];
      return native.pool(result, engine, forward(o.training), o.algorithm, o.source, o.destination, ...geometry, attributes);
    },
    'pool-backward'(o, { engine, attributes }, result) {
      const geometry = [dims(o.strides), dims(o.kernel), noDilation, dims(o.padding), dims(o.padding)];
      const descriptors = [o.sourceGradient, o.destinationGradient];
      return native.poolBackward(result, engine, o.algorithm, ...descriptors, ...geometry, o.hint, attributes);
    },
    binary(o, context, result) {
      const attributes = o.accumulate ? context.accumulating : context.attributes;
      return native.binary(result, context.engine, o.algorithm, o.first, o.second, o.destination, attributes);
    },
    sum(o, { engine, attributes }, result) {
      const scales = Float32Array.from(o.scales);
      return native.sum(result, engine, o.destination, o.sources.length, scales, array(o.sources), attributes);
    },
    concat: (o, { engine, attributes }, result) =>
      native.concat(result, engine, o.destination, o.sources.length, 1, array(o.sources), attributes),
    reorder: (o, { engine, attributes }, result) => native.reorder(result, o.source, engine, o.destination, engine, attributes),
  };

  const pointer = new BigInt64Array(1);
  const made = (code: Status, what: string): bigint => {
    assert(code === status.success, () => `oneDNN refused ${what}: status ${code}`);
    return pointer[0] as bigint;
  };

  return {
    normalizationGradientReadsShift: false,
    strided: (dimensions, strides) =>
      made(
        createWithStrides(pointer, dimensions.length, dims(dimensions), f32, dims(strides)),
        `a memory of ${dimensions.join('×')}`,
      ),
    any: (dimensions) =>
      made(createWithTag(pointer, dimensions.length, dims(dimensions), f32, formatTagAny), `a memory of ${dimensions.join('×')}`),
    submemory: (parent, dimensions, offsets) =>
      createSubmemory(pointer, parent, dims(dimensions), dims(offsets)) === status.success ? (pointer[0] as bigint) : null,
    equal: (a, b) => equal(a, b) !== 0,
    size: (descriptor) => Number(size(descriptor)),
    isBlocked(descriptor) {
      const kind = new Int32Array(1);
      return queryMemory(descriptor, queryFormatKind, kind) === status.success && kind[0] === blockedFormat;
    },
    query(primitive, what) {
      const found = queryDescriptor(primitive, what, 0);
      return found === null || found === 0n ? null : made(clone(pointer, found), 'a copy of a descriptor');
    },
    release: (descriptor) => void destroy(descriptor),
    create(operation: Operation, context, result) {
      const row = creators[operation.kind] as Create<OperationKind>;
      return row(operation, context, result);
    },
    accumulate(attributes) {
      const code = postOpsCreate(pointer);
      if (code !== status.success) return code;
      const postOps = pointer[0];
      const appended = postOpsAppendSum(postOps, 1, 0, destinationType) || setPostOps(attributes, postOps);
      postOpsDestroy(postOps);
      return appended;
    },
  };
}
