/**
 * Compiles steps of a program to one ONNX graph. The graph's inputs are the program's inputs and state, its outputs are the program's
 * outputs and the updated state. This file handles names and shapes; the table of lowerings says what each step computes, and
 * ONNX Runtime manages the memory.
 */
import { accessOf } from '../../program/access.ts';
import { encodeModel } from '../../formats/onnx/codec.ts';
import { graphBuilder, modelOf, type GraphBuilder } from '../../formats/onnx/build.ts';
import { dataType, type ValueInfoProto } from '../../formats/onnx/proto.ts';
import { bufferOf, type BufferId, type Program, type Step } from '../../program/program.ts';
import { assert, must } from '../../util/assert.ts';
import { version } from '../../util/version.ts';

/**
 * What the lowering of a step may call. Values are named by strings and are f32 unless stated otherwise.
 *
 * Values of four dimensions have the channels first, (C, N, H, W), so that a channel is a row, a convolution is a matrix product,
 * and a statistic is a sum along rows. Only inputs and outputs of the program are (N, C, H, W).
 */
export interface Builder extends Pick<GraphBuilder, 'node' | 'nodeOf' | 'fresh' | 'floats'> {
  readonly program: Program;
  /** Whether convolutions may use other algorithms than the products and sums of the definition, such as Winograd's. */
  readonly freely: boolean;
  /** Whether the graph is for another device than the CPU. There ONNX Runtime supports fewer variants of some operators. */
  readonly portable: boolean;
  /** In the order of the program: (N, C, H, W). */
  shape(id: BufferId): readonly number[];
  /** The value of a buffer. For state, the value before this run's update. */
  read(id: BufferId): string;
  /** A name for the value of a buffer; the node that computes it must have an output of that name. */
  write(id: BufferId): string;
  /** The same for the new value of state. */
  update(id: BufferId): string;
  /** As `write`, for the product of a value and a factor per channel, (C, 1). The product is computed only if the buffer is read. */
  scale(id: BufferId, value: string, factor: string): void;
  /** The two factors of such a product, for a step that can apply `factor` elsewhere; `factor` is null for other buffers. */
  scaled(id: BufferId): { readonly value: string; readonly factor: string | null };
  /** Uses an existing value as the content of a mask. */
  keep(mask: BufferId, value: string): void;
  /**
   * Records a fact for later steps. `rectified 7`: buffer 7 is the output of a ReLU. `unrectified 7`: that ReLU was not applied,
   * and whoever reads buffer 7 must apply it.
   */
  note(fact: string, value?: string): void;
  noted(fact: string): string | undefined;
  /** A constant of shape (1). */
  number(value: number): string;
  /** A constant of shape (length). */
  vector(...values: readonly number[]): string;
  /** A constant without dimensions, for operators that require a scalar. */
  scalar(value: number): string;
  /** A constant of int64: a shape, axes. */
  integers(...values: readonly number[]): string;
  /** A constant of that shape. */
  matrix(rows: readonly (readonly number[])[]): string;
  /** The value for a key; `make` is called once per key. */
  once(key: string, make: () => string): string;
  reshape(value: string, shape: readonly number[], output?: string): string;
}

/** An input or output of the graph, and its buffer in the program. */
export interface Port {
  readonly name: string;
  readonly buffer: BufferId;
}

export interface Built {
  /** An .onnx file. */
  readonly model: Uint8Array;
  /** Names of nodes that only the CPU can compute. */
  readonly onProcessor: readonly string[];
  /** The inputs and the state that some step reads. */
  readonly feeds: readonly Port[];
  /** Outputs that some step writes. */
  readonly results: readonly Port[];
  /** State and accumulators that some step updates. */
  readonly updates: readonly Port[];
}

type Options = Pick<Builder, 'program' | 'freely' | 'portable'>;
type Constants = Pick<Builder, 'number' | 'vector' | 'scalar' | 'integers' | 'matrix' | 'once'>;

/** Constants of a graph, each made once. */
function constantsOf(graph: GraphBuilder): Constants {
  const names = new Map<string, string>();
  const once = (key: string, make: () => string): string => {
    const name = names.get(key) ?? make();
    names.set(key, name);
    return name;
  };
  return {
    number: (value) => once(`number ${value}`, () => graph.floats(String(value), [1], [value])),
    vector: (...list) => once(`vector ${list.join()}`, () => graph.floats(`vector ${list.join()}`, [list.length], list)),
    scalar: (value) => once(`scalar ${Object.is(value, -0) ? '-0' : value}`, () => graph.floats(`scalar ${value}`, [], [value])),
    integers: (...list) => once(`integers ${list.join()}`, () => graph.integers(`[${list.join()}]`, list)),
    matrix(rows) {
      const shape = [rows.length, rows[0]?.length ?? 0];
      const data = rows.flat();
      return once(`matrix ${shape.join()} ${data.join()}`, () => graph.floats(`matrix ${shape.join('×')}`, shape, data));
    },
    once,
  };
}

/** Gradients of parameters, and folded kernels: they may have four dimensions but are not images. */
function likeParameters(program: Program): ReadonlySet<BufferId> {
  const found = new Set<BufferId>();
  for (const step of program.steps) {
    if (step.kind === 'update' || step.kind === 'accumulate') found.add(step.gradient);
    if (step.kind === 'convolution-gradient-kernel') found.add(step.kernelGradient);
    if (step.kind === 'fold-normalization' || step.kind === 'fold-normalization-gradient') {
      const { reads, writes } = accessOf(step);
      for (const id of [...reads, ...writes]) found.add(id);
    }
  }
  return found;
}

/** Swaps the first two dimensions of the value of a buffer, if it holds images. With `output`, that is the result's name. */
type Turn = (buffer: BufferId, value: string, output?: string) => string;

function turning(program: Program, graph: GraphBuilder, { integers }: Constants): Turn {
  const parameterLike = likeParameters(program);
  return (id, value, output) => {
    const [images, channels, ...pixels] = bufferOf(program, id).shape;
    if (pixels.length !== 2 || parameterLike.has(id))
      return output === undefined ? value : graph.node('Identity', [value], {}, output);
    // With one image or one channel the order in memory stays the same.
    if (images === 1 || channels === 1) {
      const shape = output === undefined ? [channels, images, ...pixels] : [images, channels, ...pixels];
      return graph.node('Reshape', [value, integers(...(shape as number[]))], {}, output);
    }
    return graph.node('Transpose', [value], { perm: [1, 0, 2, 3] }, output);
  };
}

interface Values extends Pick<Builder, 'read' | 'write' | 'update' | 'scale' | 'scaled' | 'keep'> {
  /** Inputs and state that were read, in the order of the first reads. */
  readonly feeds: readonly Port[];
  /** Outputs that were written. */
  readonly written: readonly BufferId[];
  readonly updates: readonly Port[];
  /** The value of a buffer that was written. */
  of(buffer: BufferId): string;
}

/** The values of buffers, by their names in the graph. */
function valuesOf(program: Program, graph: GraphBuilder, reshape: Builder['reshape'], turn: Turn): Values {
  const values = new Map<BufferId, string>();
  const pending = new Map<BufferId, { readonly value: string; readonly factor: string }>();
  const feeds: Port[] = [];
  const written: BufferId[] = [];
  const updates: Port[] = [];
  const name = (id: BufferId): string => graph.fresh(`${id}: ${bufferOf(program, id).name}`);

  const write = (id: BufferId): string => {
    assert(!values.has(id), () => `buffer ${id} is written a second time`);
    const value = name(id);
    values.set(id, value);
    if (bufferOf(program, id).kind === 'output') written.push(id);
    return value;
  };
  const read = (id: BufferId): string => {
    const known = values.get(id);
    if (known !== undefined) return known;
    const waiting = pending.get(id);
    if (waiting !== undefined) {
      const [images, channels, ...pixels] = bufferOf(program, id).shape as [number, number, ...number[]];
      const rows = reshape(waiting.value, [channels, -1]);
      const product = graph.node('Mul', [rows, waiting.factor]);
      return reshape(product, [channels, images, ...pixels], write(id));
    }
    const { kind } = bufferOf(program, id);
    assert(['input', 'state', 'accumulator'].includes(kind), () => `buffer ${id} is read before it is written`);
    const given = name(id);
    feeds.push({ name: given, buffer: id });
    const value = kind === 'input' ? turn(id, given) : given;
    values.set(id, value);
    return value;
  };
  return {
    feeds,
    written,
    updates,
    of: (id) => must(values.get(id), 'output'),
    read,
    write,
    scale(id, value, factor) {
      pending.set(id, { value, factor });
      if (bufferOf(program, id).kind === 'output') read(id);
    },
    scaled: (id) => pending.get(id) ?? { value: read(id), factor: null },
    update(id) {
      const value = graph.fresh(`${id}: new ${bufferOf(program, id).name}`);
      updates.push({ name: value, buffer: id });
      return value;
    },
    keep: (mask, value) => void values.set(mask, value),
  };
}

/** The graph of some of the program's steps. */
export function build(
  { program, freely, portable }: Options,
  steps: readonly Step[],
  lower: (step: Step, builder: Builder) => void,
): Built {
  const graph = graphBuilder();
  const constants = constantsOf(graph);
  const turn = turning(program, graph, constants);
  const reshape: Builder['reshape'] = (value, shape, output) =>
    graph.node('Reshape', [value, constants.integers(...shape)], {}, output);
  const { of, written, feeds, updates, ...values } = valuesOf(program, graph, reshape, turn);
  const facts = new Map<string, string>();
  const builder: Builder = {
    program,
    freely,
    portable,
    node: graph.node,
    nodeOf: graph.nodeOf,
    floats: graph.floats,
    fresh: graph.fresh,
    shape: (id) => bufferOf(program, id).shape,
    ...values,
    note: (fact, value = '') => void facts.set(fact, value),
    noted: (fact) => facts.get(fact),
    ...constants,
    reshape,
  };
  for (const step of steps) lower(step, builder);
  const results = written.map((id): Port => {
    const value = of(id);
    return { name: turn(id, value, `${value}, as it is read`), buffer: id };
  });

  const info = (port: Port): ValueInfoProto => ({
    name: port.name,
    elementType: dataType.float,
    shape: must(program.buffers[port.buffer], 'buffer').shape,
  });
  const proto = graph.graph('program', feeds.map(info), [...results, ...updates].map(info));
  // Other devices have no max pool that returns indices.
  const onProcessor = proto.nodes.filter(({ opType, outputs }) => opType === 'MaxPool' && outputs.length > 1);
  return {
    model: encodeModel(modelOf(proto, version)),
    onProcessor: onProcessor.map((node) => node.name),
    feeds,
    results,
    updates,
  };
}
