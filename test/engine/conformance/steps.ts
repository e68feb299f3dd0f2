/** Every kind of step alone, over random shapes, against the reference engine. */
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { ConvolutionAlgorithms, Engine, Session } from '../../../src/engine/engine.ts';
import { reference } from '../../../src/engine/reference/engine.ts';
import { printProgram } from '../../../src/program/print.ts';
import type { StepKind } from '../../../src/program/program.ts';
import { random } from '../../../src/util/random.ts';
import { assertClose } from '../../support/comparing.ts';
import { randomState, runMinibatch } from '../../support/single-steps.ts';
import { type StepCase, stepCases } from '../../support/step-cases.ts';
import { type ConformanceOptions, shareOf } from './options.ts';

async function compare(
  engine: Engine,
  { program, filling, floor = 0.1 }: StepCase,
  seed: number,
  convolution: ConvolutionAlgorithms,
  tolerance: number,
): Promise<void> {
  const run = async (computing: Engine): Promise<Session> => {
    const session = await computing.compile(program, convolution);
    session.load(randomState(program, random('state', seed)));
    await runMinibatch(session, random('inputs', seed), filling);
    return session;
  };
  const [expected, actual] = [await run(reference), await run(engine)];
  const say = (name: string) => (): string => `${name} of\n${printProgram(program)}\n${JSON.stringify(program.buffers)}\n`;
  for (const { id, kind, name } of program.buffers)
    if (kind === 'output') assertClose(actual.output(id), expected.output(id), tolerance, floor, say(name));
  const [state, wanted] = [actual.save(), expected.save()];
  for (const [name, { data }] of Object.entries(wanted))
    assertClose(state[name]?.data ?? new Float32Array(0), data, tolerance, floor, say(name));
  expected.dispose();
  actual.dispose();
}

const isConvolution = (kind: StepKind): boolean => kind.startsWith('convolution');

export function stepTests(open: () => Promise<Engine>, options: ConformanceOptions): void {
  describe('steps', () => {
    for (const kind of Object.keys(stepCases) as StepKind[])
      for (const convolution of isConvolution(kind) ? (['direct', 'auto'] as const) : (['direct'] as const))
        test(`${kind}${isConvolution(kind) ? `, ${convolution}` : ''}`, async () => {
          const engine = await open();
          // A fixed seed: the tolerance is a statement about rounding, and a rounding that is luck would come and go.
          await fc.assert(
            fc.asyncProperty(stepCases[kind], fc.nat(), (example, seed) =>
              compare(engine, example, seed, convolution, options.tolerance[convolution]),
            ),
            { numRuns: shareOf(options, 40), seed: 1 },
          );
        });
  });
}
