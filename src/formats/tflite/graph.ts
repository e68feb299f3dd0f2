/** Builds the graph of a TensorFlow Lite file operator by operator. Tensors are numbered in the order in which they are added. */
import type { Quantisation } from '../../deploy/quantise.ts';
import { must } from '../../util/assert.ts';
import { asBytes } from '../../util/bytes.ts';
import { operators, type OperatorName, type OptionsOf } from './operators.ts';
import { encode, optionTypes, tensorTypes, type OptionsName, type Table, type TensorType } from './schema.ts';

/** A tensor of the graph. */
export interface Value {
  readonly tensor: number;
  readonly type: TensorType;
  /** (1, height, width, channels) of an image. */
  readonly dims: readonly number[];
  /** Null: its numbers are what they are. */
  readonly quantisation: Quantisation | null;
}

/** Of weights and biases: a scale for each filter along an axis, the zero 0. */
export interface FilterScales {
  readonly scales: ArrayLike<number>;
  readonly axis: number;
}

export type Numbers = Float32Array | Int8Array | Int32Array;

const typeOf = (numbers: Numbers): TensorType =>
  numbers instanceof Float32Array ? 'float32' : numbers instanceof Int8Array ? 'int8' : 'int32';

const quantisationTable = ({ scale, zero }: Quantisation): Table<'QuantizationParameters'> => ({
  kind: 'QuantizationParameters',
  scale: [scale],
  zeroPoint: [zero],
});

export type GraphBuilder = ReturnType<typeof graphBuilder>;

export function graphBuilder() {
  const tensors: Table<'Tensor'>[] = [];
  const steps: Table<'Operator'>[] = [];
  const codes = new Map<string, { readonly index: number; readonly table: Table<'OperatorCode'> }>();
  /** The first is the empty one, of all tensors that are computed. */
  const buffers: Table<'Buffer'>[] = [{ kind: 'Buffer' }];
  const bufferOf = (data: Uint8Array): number => buffers.push({ kind: 'Buffer', data }) - 1;

  /** A tensor that is given or computed. Its first extent is the number of images, which a runtime may change. */
  function value(name: string, type: TensorType, dims: readonly number[], quantisation: Quantisation | null): Value {
    tensors.push({
      kind: 'Tensor',
      name,
      type: tensorTypes[type],
      shape: dims,
      shapeSignature: [-1, ...dims.slice(1)],
      buffer: 0,
      ...(quantisation === null ? {} : { quantisation: quantisationTable(quantisation) }),
    });
    return { tensor: tensors.length - 1, type, dims, quantisation };
  }

  function constant(
    name: string,
    dims: readonly number[],
    numbers: Numbers,
    quantisation: Quantisation | FilterScales | null = null,
  ): Value {
    const type = typeOf(numbers);
    const table =
      quantisation === null
        ? {}
        : {
            quantisation:
              'zero' in quantisation
                ? quantisationTable(quantisation)
                : ({
                    kind: 'QuantizationParameters',
                    scale: quantisation.scales,
                    zeroPoint: new Uint8Array(quantisation.scales.length),
                    dimension: quantisation.axis,
                  } as const),
          };
    tensors.push({ kind: 'Tensor', name, type: tensorTypes[type], shape: dims, buffer: bufferOf(asBytes(numbers)), ...table });
    const whole = quantisation !== null && 'zero' in quantisation ? quantisation : null;
    return { tensor: tensors.length - 1, type, dims, quantisation: whole };
  }

  /** An operator that gives `output`, which was added. `options`: its table's fields, where it has any. */
  function operator<Name extends OperatorName>(
    name: Name,
    inputs: readonly Value[],
    output: Value,
    options: OptionsOf<Name> | null = null,
  ): Value {
    const { code, options: kind, ...versions } = operators[name];
    const version = versions[inputs[0]?.type === 'int8' ? 'int8' : 'float'];
    if (version === null) throw new Error(`bug: ${name} of ${inputs[0]?.type}`);
    const key = `${code}/${version}`;
    const known = codes.get(key) ?? {
      index: codes.size,
      // Readers of the first schema look at the byte.
      table: { kind: 'OperatorCode', deprecatedCode: Math.min(code, 127), code, version } as const,
    };
    codes.set(key, known);
    const optionsKind: OptionsName | null = kind;
    steps.push({
      kind: 'Operator',
      code: known.index,
      inputs: inputs.map(({ tensor }) => tensor),
      outputs: [output.tensor],
      ...(optionsKind === null
        ? {}
        : { optionsType: optionTypes[optionsKind], options: { kind: optionsKind, ...options } as Table<OptionsName> }),
    });
    return output;
  }

  return {
    value,
    constant,
    operator,
    count: (): number => steps.length,
    /** What was added so far. */
    parts: () => ({ tensors, steps, buffers, codes: Array.from(codes.values(), ({ table }) => table) }),
  };
}

/** The bytes of the file. `outputs`: the first has a name in the signature. `metadata`: texts by name. */
export function fileOf(
  graph: GraphBuilder,
  input: Value,
  outputs: readonly [Value, ...Value[]],
  description: string,
  metadata: Readonly<Record<string, string>>,
): Uint8Array {
  const { tensors, steps, codes, buffers } = graph.parts();
  const texts = Object.entries(metadata);
  const mapped = ({ tensor }: Value): readonly Table<'TensorMap'>[] => [
    { kind: 'TensorMap', name: must(tensors[tensor]?.name, 'name'), tensor },
  ];
  const encoder = new TextEncoder();
  return encode({
    description,
    operatorCodes: codes,
    subgraphs: [
      {
        kind: 'SubGraph',
        name: 'network',
        tensors,
        inputs: [input.tensor],
        outputs: outputs.map(({ tensor }) => tensor),
        operators: steps,
      },
    ],
    buffers: [...buffers, ...texts.map(([, text]) => ({ kind: 'Buffer', data: encoder.encode(text) }) as const)],
    metadata: texts.map(([name], at) => ({ kind: 'Metadata', name, buffer: buffers.length + at })),
    signatures: [
      { kind: 'SignatureDef', key: 'serving_default', inputs: mapped(input), outputs: mapped(outputs[0]), subgraph: 0 },
    ],
  });
}
