/**
 * A deployed network as two files of C99: network.c and network.h. They need no library but C's, allocate nothing, and work in memory
 * that the caller gives, whose size is planned (`deploy/memory.ts`). In f32, or in bytes where the network is quantised.
 */
import { askOperation, countOf, shapeOf, type Deployed, type Step } from '../../deploy/deployed.ts';
import { planMemory, type MemoryPlan } from '../../deploy/memory.ts';
import { countDeployedMultiplyAdds } from '../../deploy/print.ts';
import { pixelBytes, type Quantisation, type Quantised } from '../../deploy/quantise.ts';
import { must } from '../../util/assert.ts';
import { UserError } from '../../util/user-error.ts';
import { formatWhole } from '../../util/words.ts';
import { kernelTexts, type Kernels } from './kernel.ts';
import { floatKernels } from './kernels-float.ts';
import { int8Kernels } from './kernels-int8.ts';
import { arrayDefinition, bytesOfArray, commentText, floatLiteral, stringLiteral, type ConstantArray } from './literals.ts';
import { placeOf, stepContext, type Collected } from './step-context.ts';
import { floatSteps } from './steps-float.ts';
import { int8Steps } from './steps-int8.ts';

/** The names of the files. */
export const codeFiles = { header: 'network.h', source: 'network.c' } as const;
/** How the header begins, by which a file of ours is known. */
export const codeBeginning = '/*\n * Written by Instar ';

export interface CodeOptions {
  /** For each channel: the network reads (pixel/255 − mean)/std. */
  readonly mean: readonly number[];
  readonly std: readonly number[];
  readonly classes: readonly string[];
  /** Facts for the head of the header, a line each. */
  readonly facts: readonly string[];
}

export interface Code {
  readonly header: string;
  readonly source: string;
  /** Bytes of working memory that the caller gives. */
  readonly arenaBytes: number;
  /** Bytes of constants: weights, biases, tables. */
  readonly constantBytes: number;
  readonly multiplyAdds: number;
}

/** How a file computes: in f32 or in bytes. */
interface Form {
  readonly element: 'float' | 'int8_t';
  readonly elementBytes: number;
  readonly kernels: Kernels;
  /** Calls of a step. */
  calls(step: Step, collected: Collected): readonly string[];
  /** The call that reads the pixels. */
  reading(output: string, collected: Collected): string;
  /** The expression of logit `at`. */
  logit(output: string): string;
}

const readShape = ({ image: { height, width, channels } }: Deployed): string => `${height * width}, ${channels}`;

function floatForm(deployed: Deployed, plan: MemoryPlan, { mean, std }: CodeOptions): Form {
  return {
    element: 'float',
    elementBytes: 4,
    kernels: floatKernels,
    calls: (step, collected) => askOperation(floatSteps, step.operation, stepContext(deployed, plan, step, collected)),
    reading(output, { arrays }) {
      const scale = { name: 'pixel_scale', type: 'float', values: std.map((deviation) => 1 / (255 * deviation)) } as const;
      const shift = {
        name: 'pixel_shift',
        type: 'float',
        values: std.map((deviation, c) => -(mean[c] as number) / deviation),
      } as const;
      arrays.push(scale, shift);
      return `normalise(${readShape(deployed)}, ${scale.name}, ${shift.name}, pixels, ${output});`;
    },
    logit: (output) => `(${output})[at]`,
  };
}

function int8Form({ deployed, values, filters }: Quantised, plan: MemoryPlan, { mean, std }: CodeOptions): Form {
  const of = (value: number): Quantisation => must(values[value], 'quantisation');
  return {
    element: 'int8_t',
    elementBytes: 1,
    kernels: int8Kernels,
    calls: (step, collected) =>
      askOperation(int8Steps, step.operation, {
        ...stepContext(deployed, plan, step, collected),
        from: step.inputs.map(of),
        to: of(step.output),
        filters: filters.get(step.output) ?? null,
      }),
    reading(output, { arrays }) {
      const table = mean.flatMap((each, channel) => pixelBytes(each, std[channel] as number, of(0)));
      arrays.push({ name: 'pixel_results', type: 'int8_t', values: table });
      return `normalise(${readShape(deployed)}, pixel_results, pixels, ${output});`;
    },
    logit(output) {
      const { scale, zero } = of(deployed.output);
      return `(float)((${output})[at] - ${zero < 0 ? `(${zero})` : zero}) * ${floatLiteral(scale)}`;
    },
  };
}

const guard = 'NETWORK_H';

/** Statements, wrapped where they are long. */
function wrapped(call: string): string {
  const words = call.split(' ');
  const lines = [''];
  for (const word of words) {
    const line = lines.at(-1) as string;
    if (line !== '' && line.length + word.length > 108) lines.push(`    ${word}`);
    else lines[lines.length - 1] = line === '' ? word : `${line} ${word}`;
  }
  return `  ${lines.join('\n  ')}`;
}

const probabilities = `void network_probabilities(const float *logits, float *probabilities) {
  float largest = logits[0], sum = 0.0F;
  for (int at = 1; at < NETWORK_CLASSES; at++)
    if (logits[at] > largest) largest = logits[at];
  for (int at = 0; at < NETWORK_CLASSES; at++) sum += expf(logits[at] - largest);
  for (int at = 0; at < NETWORK_CLASSES; at++) probabilities[at] = expf(logits[at] - largest) / sum;
}

int network_class(const float *logits) {
  int best = 0;
  for (int at = 1; at < NETWORK_CLASSES; at++)
    if (logits[at] > logits[best]) best = at;
  return best;
}`;

function headerOf(deployed: Deployed, form: Form, facts: readonly string[], arenaBytes: number): string {
  const { height, width, channels } = deployed.image;
  const pixel = channels === 3 ? 'red, green, blue' : 'grey';
  const aligned =
    form.element === 'float' ? ', aligned for float (an array of float, or memory of malloc)' : ', of any alignment';
  return `/*
${facts.map((fact) => ` * ${commentText(fact)}`.trimEnd()).join('\n')}
 */
#ifndef ${guard}
#define ${guard}

#include <stdint.h>

#define NETWORK_HEIGHT ${height}
#define NETWORK_WIDTH ${width}
#define NETWORK_CHANNELS ${channels}
#define NETWORK_CLASSES ${shapeOf(deployed, deployed.output).channels}
/* Bytes of working memory. */
#define NETWORK_ARENA_BYTES ${arenaBytes}

#ifdef __cplusplus
extern "C" {
#endif

/* Names of the classes, UTF-8. */
extern const char *const network_classes[NETWORK_CLASSES];

/*
 * pixels: NETWORK_HEIGHT rows from the top, of NETWORK_WIDTH pixels, of ${channels} ${channels === 1 ? 'byte' : 'bytes'} (${pixel}), 0 to 255.
 * arena: NETWORK_ARENA_BYTES bytes${aligned}. What they hold before does not matter.
 * logits: NETWORK_CLASSES numbers, written.
 */
void network_logits(const uint8_t *pixels, void *arena, float *logits);

/* The probability of each class. Both may be the same array. */
void network_probabilities(const float *logits, float *probabilities);

/* The most probable class. */
int network_class(const float *logits);

#ifdef __cplusplus
}
#endif

#endif
`;
}

function sourceOf(
  deployed: Deployed,
  plan: MemoryPlan,
  form: Form,
  { classes }: CodeOptions,
): { readonly text: string; readonly arrays: readonly ConstantArray[] } {
  const collected: Collected = { arrays: [], definitions: [], kernels: new Set(['image']) };
  const reading = form.reading(placeOf(plan, 0), collected);
  const calls = deployed.steps.flatMap((step) => form.calls(step, collected));
  const { arrays, definitions, kernels } = collected;
  const output = placeOf(plan, deployed.output);
  const text = [
    '#include "network.h"\n\n#include <math.h>\n#include <string.h>',
    `const char *const network_classes[NETWORK_CLASSES] = {\n${classes.map((name) => `  ${stringLiteral(name)},`).join('\n')}\n};`,
    ...arrays.map(arrayDefinition),
    ...kernelTexts(form.kernels, kernels),
    ...definitions,
    [
      'void network_logits(const uint8_t *pixels, void *arena, float *logits) {',
      `  ${form.element} *const memory = arena;`,
      ...[reading, ...calls].map(wrapped),
      `  for (int at = 0; at < NETWORK_CLASSES; at++) logits[at] = ${form.logit(output)};`,
      '}',
    ].join('\n'),
    probabilities,
  ].join('\n\n');
  return { text: `${text}\n`, arrays };
}

/** Most channels that a table of 16 bits names. */
const mostChannels = 65_536;

/** The same network and options give the same bytes. `quantised`: null for f32. */
export function writeCode(deployed: Deployed, quantised: Quantised | null, options: CodeOptions): Code {
  for (const { node, operation, shape } of deployed.steps)
    if (shape.channels > mostChannels)
      throw new UserError(`layer ${node} (${operation.kind}) cannot be written in C: ${formatWhole(shape.channels)} channels`);
  const plan = planMemory(deployed);
  const form = quantised === null ? floatForm(deployed, plan, options) : int8Form(quantised, plan, options);
  const { text, arrays } = sourceOf(deployed, plan, form, options);
  const arenaBytes = plan.size * form.elementBytes;
  const constantBytes = arrays.reduce((sum, array) => sum + bytesOfArray(array), 0);
  const multiplyAdds = countDeployedMultiplyAdds(deployed);
  const { height, width, channels } = deployed.image;
  const facts = [
    ...options.facts,
    '',
    `Image: ${height} x ${width} pixels of ${channels === 1 ? '1 byte' : `${channels} bytes`}, ${formatWhole(countOf(deployed.image))} bytes.`,
    `Numbers: ${form.element === 'float' ? 'float' : 'int8'}. Constants: ${formatWhole(constantBytes)} bytes.`,
    `Working memory: ${formatWhole(arenaBytes)} bytes, beside the image and the logits; ${formatWhole(multiplyAdds)} multiply-adds an image.`,
  ];
  return { header: headerOf(deployed, form, facts, arenaBytes), source: text, arenaBytes, constantBytes, multiplyAdds };
}
