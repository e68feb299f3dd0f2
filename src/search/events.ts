/** The events of a search. Its state is their replay. */
import { z } from 'zod';
import { editSchema } from '../morphism/edit.ts';
import { operatorNames } from '../morphism/operators.ts';
import { networkSchema } from '../network/check.ts';
import { certificateSchema, comparisonSchema, epochFields, failureSchema, hashSchema, measuredSchema } from '../training/job.ts';

/** `vanilla`, `s1c3` (step 1, child 3), `final`, `baseline`. */
export const lineSchema = z.string().regex(/^(?:vanilla|final|baseline|s\d{1,9}c\d{1,9})$/);
const line = lineSchema;
const count = z.int().min(0);

/** `parent`: without mutations it won the last steps. */
export const stopReasons = ['steps', 'time', 'limits', 'parent', 'kept'] as const;
export type StopReason = (typeof stopReasons)[number];

export const searchEventSchema = z.discriminatedUnion('type', [
  /**
   * The network that the search starts from. `from`: one that was trained before, whose numbers are in that checkpoint; and
   * how far its logits were from those of the file that it was read from, where it was.
   */
  z.strictObject({
    type: z.literal('vanilla'),
    network: networkSchema,
    from: z.strictObject({ checkpoint: hashSchema, compared: comparisonSchema.nullable() }).optional(),
  }),
  /** A step begins with its sampled children. Child 0 is the parent itself. */
  z.strictObject({
    type: z.literal('step'),
    step: z.int().min(1),
    parent: line,
    children: z.array(z.strictObject({ line, edits: z.array(editSchema), parameters: count, multiplyAdds: count })),
    /** The only child that is trained, where the method samples it. */
    drawn: line.optional(),
    /** What its mutations were chosen by, where that is learned: of each operator in all (place null) and at each place that is known. */
    expected: z
      .array(
        z.strictObject({
          operator: z.enum(operatorNames),
          place: count.nullable(),
          gain: z.number(),
          children: z.number().min(0),
          factor: z.number().positive(),
        }),
      )
      .optional(),
  }),
  /** A child's edits are applied and certified. */
  z.strictObject({ type: z.literal('grown'), line, certificate: certificateSchema }),
  /** An epoch of a candidate ended, or its task. `done` counts minibatches of the task, `epoch` epochs of the candidate. */
  z.strictObject({
    type: z.literal('epoch'),
    line,
    task: z.string(),
    ...epochFields(count),
  }),
  /** A task failed. It is retried once where that may help; then its candidate is lost. */
  z.strictObject({
    type: z.literal('failed'),
    line,
    task: z.string(),
    failure: failureSchema,
    message: z.string(),
    retried: z.boolean(),
  }),
  /** A rung ended. */
  z.strictObject({ type: z.literal('rung'), step: z.int(), rung: count, survivors: z.array(line), dropped: z.array(line) }),
  /** A candidate enters a rung by itself, where the method has no barrier between rungs; rung 0 begins its training. */
  z.strictObject({ type: z.literal('promotion'), step: z.int(), line, rung: count }),
  /** A step ended: the next parent. */
  z.strictObject({ type: z.literal('selected'), step: z.int(), line }),
  /** The search ends; the final training starts from this candidate, from its latest checkpoint where none is named. */
  z.strictObject({ type: z.literal('stop'), reason: z.enum(stopReasons), line, checkpoint: hashSchema.optional() }),
  /** A slice of the final training, or of the baseline, is planned: minibatches, and the cosine's progress over them. */
  z.strictObject({
    type: z.literal('slice'),
    line: z.enum(['final', 'baseline']),
    rate: z.number(),
    from: z.number(),
    to: z.number(),
    count: z.int().min(1),
    whole: z.boolean(),
    /** Whether the optimizer starts anew. */
    restart: z.boolean(),
  }),
  /** A test evaluation. */
  z.strictObject({
    type: z.literal('test'),
    line,
    reading: z.int().min(1),
    measured: measuredSchema,
    confusion: z.array(z.array(count)),
  }),
  /**
   * The final network is an earlier candidate as it was in that checkpoint: a final training is taken back, or all but the head that was
   * trained stays as it is, and there is none.
   */
  z.strictObject({ type: z.literal('undone'), line: z.literal('final'), to: line, checkpoint: hashSchema }),
  z.strictObject({ type: z.literal('finished'), line }),
  /** A search that had ended continues with more time. Its final training is discarded. */
  z.strictObject({ type: z.literal('reopened') }),
]);

export type SearchEvent = z.infer<typeof searchEventSchema>;
